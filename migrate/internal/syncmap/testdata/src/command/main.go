package main

import (
	"encoding/json"
	"os"
	"sync"
)

var Exported sync.Map // want `sync.Map can be shardmap.Map\[int, bool\]`

type state struct {
	Ready sync.Map // want `left alone: Ready is an exported field, so that other packages and encoders may use it`
}

func main() {
	var s state
	s.Ready.Store(1, true)
	Exported.Store(1, true)
	_ = json.NewEncoder(os.Stdout).Encode(&s) // {}, and would show what is in it
}
