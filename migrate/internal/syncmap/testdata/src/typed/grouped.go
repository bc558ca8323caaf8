package typed

import (
	"strings"
	"sync" // the map
)

var words sync.Map // want `sync.Map can be shardmap.Map\[string, time.Duration\]`

var once sync.Once

func learn() { words.Store(strings.ToLower("A"), zeroTime().Sub(zeroTime())) }
