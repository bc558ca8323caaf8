package strategy_test

import (
	"context"
	"fmt"
	"time"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/bench/run"
	"github.com/shardmap-go/shardmap/bench/strategy"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// newRoomy makes the map to compare. Any type with the methods of strategy.Map will do; this one has them already.
func newRoomy[K, V comparable]() strategy.Map[K, V] {
	return shardmap.New[K, V](shardmap.WithCapacity(100_000))
}

// A strategy is registered with one Of for each pair of types that it is to be measured with. In a program of one's own,
// cli.Main comes next, and is mapbench with that strategy; here, it is measured and checked by hand.
func Example() {
	strategy.Register("Map:roomy", "shardmap.Map with room from the start",
		strategy.Of(newRoomy[string, *int]), strategy.Of(newRoomy[int, int]))

	w, _ := workload.Open("mixed")
	chosen, _ := strategy.Named("Map:roomy,sync.Map")
	result := run.Run(context.Background(), w, chosen, run.Options{Rounds: 2, Duration: 5 * time.Millisecond})
	for _, s := range result.Strategies {
		fmt.Println(s.Name, "measured:", s.Measured())
	}
	// Output:
	// Map:roomy measured: true
	// sync.Map measured: true
}
