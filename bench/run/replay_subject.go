package run

import (
	"context"

	"github.com/shardmap-go/shardmap/bench/internal/data"
	"github.com/shardmap-go/shardmap/bench/record"
	"github.com/shardmap-go/shardmap/bench/strategy"
)

// A subject is what a session measures, with keys and values of certain types: a workload, a trace, or a workload that
// is recorded meanwhile.
type subject[K, V comparable] interface {
	// measure does all there is to do to a new map. The error is what the map did wrong.
	measure(ctx context.Context, newMap func() strategy.Map[K, V]) (Round, error)
	// costs measures the operations one by one. It returns nil if there is nothing to choose from.
	costs(ctx context.Context, newMap func() strategy.Map[K, V]) map[string]Cost
	// vary makes the choices of the next round differ from those of others.
	vary(by uint64)
}

// traced is what a trace has to do with a session: one that is read, one that is written, or, as a rule, none.
type traced struct {
	replay   *playback
	recorder *record.Recorder
}

func newSubject[K, V comparable](start *starter, result *Result,
	key func(n, seed uint64, length int) K, values func(keys int) data.ValueKind[V],
) subject[K, V] {
	if start.traced.replay != nil {
		return newReplayBench(start.traced.replay, start.Seed, key, values)
	}
	b := newBench(result.Workload, parts(result.Workload, start.Options), start.Seed, key, values)
	if start.traced.recorder != nil {
		return &recordBench[K, V]{b, start.traced.recorder}
	}
	return b
}

// vary makes the choices of the next round differ from those of others.
func (b *bench[K, V]) vary(by uint64) { b.random += by }
