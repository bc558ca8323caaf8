package run

import "github.com/shardmap-go/shardmap/bench/strategy"

// nothingName is what the map that does nothing is called among processes; no strategy can have that name.
const nothingName = "(nothing)"

// nothingStrategy is not registered, as nobody should choose it.
var nothingStrategy = strategy.New(nothingName, "",
	strategy.Of(newNothing[int, *int]), strategy.Of(newNothing[int, int]), strategy.Of(newNothing[int, strategy.Triple]),
	strategy.Of(newNothing[string, *int]), strategy.Of(newNothing[string, int]), strategy.Of(newNothing[string, strategy.Triple]),
	strategy.Of(newNothing[strategy.NamespacedName, *int]), strategy.Of(newNothing[strategy.NamespacedName, int]),
	strategy.Of(newNothing[strategy.NamespacedName, strategy.Triple]),
)

// nothing is a map that does nothing, to measure what everything around the map takes.
type nothing[K, V comparable] struct{}

func newNothing[K, V comparable]() strategy.Map[K, V] { return nothing[K, V]{} }

func (nothing[K, V]) Load(K) (value V, ok bool)       { return value, false }
func (nothing[K, V]) Store(K, V)                      {}
func (nothing[K, V]) LoadOrStore(_ K, v V) (V, bool)  { return v, false }
func (nothing[K, V]) Delete(K)                        {}
func (nothing[K, V]) Range(func(key K, value V) bool) {}
func (nothing[K, V]) Len() int                        { return 0 }
func (nothing[K, V]) Update(K, func(V) V)             {}

func (nothing[K, V]) LoadAndDelete(K) (value V, ok bool) { return value, false }
func (nothing[K, V]) Swap(K, V) (previous V, ok bool)    { return previous, false }
func (nothing[K, V]) CompareAndSwap(K, V, V) bool        { return false }
