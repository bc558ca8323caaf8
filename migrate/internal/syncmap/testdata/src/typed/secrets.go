package typed

import (
	"sync"
	"typed/inner"
)

var secrets sync.Map // want `sync.Map can be shardmap.Map\[string, \*internal.Secret\]`

func keep() { secrets.Store("a", inner.New()) }
