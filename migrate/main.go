// Command migrate gives each sync.Map of a program the types that its keys and values have, by making it a shardmap.Map.
//
//	go run github.com/shardmap-go/shardmap/migrate@latest [-fix] [-diff] [package …]
//
// Without -fix it says what it would do, and of each map that it leaves alone, why. With -fix it does it; -fix -diff shows the
// changes instead. It rewrites a map only if the code that results is still of the right types.
//
// One thing changes: if k is absent, v.(T) after v, _ := m.Load(k) panicked. Rewritten, it is the zero value. Look at each Load,
// LoadAndDelete and Swap whose second result is not asked.
package main

import (
	"golang.org/x/tools/go/analysis/singlechecker"

	"github.com/shardmap-go/shardmap/migrate/internal/syncmap"
)

func main() { singlechecker.Main(syncmap.Analyzer) }
