package shardmap_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// The torture workload: goroutines that do everything that can be done to a Map, on one Map, at random. It is made to be
// run by .ci/torture under everything that makes a race, a stray pointer or a lost one show: a collector that runs all
// the time, wipes what it frees and marks twice, checked pointer conversions, no optimisation, other processors.
//
//  1. Whatever anybody is given is intact and belongs to its key, and the collector has not freed it.
//  2. A snapshot shows the same when it is dropped as when it was taken, and Len of it is exact.
//  3. A clone has what the map had at one instant, and neither sees what is written to the other.
//  4. When all is quiet, Len, Snapshot, All and Load agree.
//  5. When all is dropped, the collector frees all.
//
// torture_ops_test.go has the operations, torture_values_test.go the values that check themselves, and
// torture_crowd_test.go the test with 100,000 goroutines. The work is bounded, and SHARDMAP_SOAK=n multiplies it by n.

// soak returns by how much the work is to be multiplied.
func soak(t *testing.T) int {
	t.Helper()
	s := os.Getenv("SHARDMAP_SOAK")
	if s == "" {
		return 1
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("SHARDMAP_SOAK=%s: want a number, 1 or more", s)
	}
	return n
}

// A torture is one run on one map.
type torture[K comparable, V any] struct {
	crew
	goods[V]
	keys     keyKind[K]
	m        *shardmap.Map[K, V]
	space    int // the keys are keys.key(0) … keys.key(space-1)
	versions atomic.Int64
	taken    [numberOfActs]atomic.Int64 // how often each operation ran
}

// cloned is added to the version of what is written to a clone. The map must never show one.
const cloned = 1 << 29

func TestTorture(t *testing.T) {
	seed := testSeed(t)
	ints := keyKind[int]{"int", func(i int) int { return i - 5 }}
	texts := keyKind[string]{"string", func(i int) string { return strings.Repeat("k", i%29) + strconv.Itoa(i) }}
	names := keyKind[nameKey]{"struct{Namespace,Name}", func(i int) nameKey {
		return nameKey{Namespace: strconv.Itoa(i % 7), Name: strconv.Itoa(i / 7)}
	}}
	anys := keyKind[any]{"any", func(i int) any { return anyKey(i + 6) }} // without nil: see .ci/torture, js/wasm

	// A map of a few keys is fought over. One of many grows, splits, and starts over after each Clear.
	for _, space := range []int{5, 2500} {
		t.Run(fmt.Sprintf("space=%d", space), func(t *testing.T) {
			tortureWith(t, seed, space, ints, wordGoods(), nil)
			tortureWith(t, seed, space, names, wordGoods(), nil)
			l := newManifest(1 << 19)
			tortureWith(t, seed, space, texts, pointerGoods(l), l)
			l = newManifest(1 << 19)
			tortureWith(t, seed, space, anys, pointerGoods(l), l)
			l = newManifest(1 << 19)
			tortureWith(t, seed, space, ints, boxGoods(l), l)
		})
	}
}

// tortureWith runs the workload over maps of every make. If l is not nil, it is what the goods are watched by.
func tortureWith[K comparable, V any](t *testing.T, seed uint64, space int, keys keyKind[K], values goods[V], l *manifest) {
	makes := []struct {
		name string
		new  func() *shardmap.Map[K, V]
	}{
		{"Map", func() *shardmap.Map[K, V] { return new(shardmap.Map[K, V]) }},
		{"Map/hash=equal", func() *shardmap.Map[K, V] { // moves to another hash function after 54 inserts
			return shardmap.New[K, V](shardmap.WithHasher(func(K) uint64 { return 0 }))
		}},
		{"Map/shards=600", func() *shardmap.Map[K, V] { // a directory of two levels
			return shardmap.New[K, V](shardmap.WithShards(600))
		}},
	}
	for _, make := range makes {
		t.Run(fmt.Sprintf("K=%s/V=%s/%s", keys.name, values.name, make.name), func(t *testing.T) {
			tr := &torture[K, V]{
				crew:  crew{t: t, seed: seed, start: newStart()},
				goods: values, keys: keys, m: make.new(), space: space,
			}
			tr.torment(8, amount(1000)*soak(t))
		})
		if l != nil {
			l.requireCollected(t, func(int) bool { return true })
		}
	}
}

func newStart() chan struct{} { return make(chan struct{}) }

// torment has n goroutines do steps operations each, and looks at what is left.
func (tr *torture[K, V]) torment(n, steps int) {
	tr.work(n, func(_ int, rng *rand.Rand) {
		v := &victim[K, V]{torture: tr, rng: rng}
		for range steps {
			v.step()
			waver(rng)
		}
		v.dropAll()
	})
	tr.run()
	tr.requireQuiet()
	tr.t.Logf("%v", tr.summary())
}

// requireQuiet checks property 4.
func (tr *torture[K, V]) requireQuiet() {
	s, n, loaded := tr.m.Snapshot(), 0, 0
	for key, value := range tr.m.All() {
		n++
		number, version := tr.examine("All", key, value)
		v, ok := tr.m.Load(key)
		if number2, version2 := tr.examine("Load", key, v); !ok || number != number2 || version != version2 {
			tr.t.Errorf("Load(%v) has version %d, %v; All has %d", key, version2, ok, version)
		}
		v, ok = s.Load(key)
		if number2, version2 := tr.examine("Snapshot.Load", key, v); !ok || number != number2 || version != version2 {
			tr.t.Errorf("Snapshot.Load(%v) has version %d, %v; All has %d", key, version2, ok, version)
		}
	}
	for i := range tr.space {
		if _, ok := tr.m.Load(tr.keys.key(i)); ok {
			loaded++
		}
	}
	if n != loaded || n != tr.m.Len() || n != s.Len() {
		tr.t.Errorf("All shows %d keys, Load finds %d, Len is %d, Snapshot.Len is %d", n, loaded, tr.m.Len(), s.Len())
	}
	if err := shardmap.CheckInvariants(tr.m, true, s); err != nil {
		tr.t.Errorf("%v", err)
	}
	if tr.failures.Load() > 0 {
		tr.t.Fatalf("failed (SHARDMAP_SEED=%d)", tr.seed)
	}
}

// examine checks that value is one of key's, and returns its key's number and its version. It is property 1.
func (tr *torture[K, V]) examine(where string, key K, value V) (number, version int) {
	number, version, err := tr.check(value)
	switch {
	case err != nil:
		tr.failf("%s: key %v: %v", where, key, err)
	case number < 0 || number >= tr.space || tr.keys.key(number) != key:
		tr.failf("%s: key %v has a value of key number %d, version %d", where, key, number, version)
	case version >= cloned:
		tr.failf("%s: key %v has a value that was written to a clone only", where, key)
	}
	return number, version
}

// fresh makes a value for key number i that nobody has stored yet.
func (tr *torture[K, V]) fresh(i int) V { return tr.make(i, int(tr.versions.Add(1))%cloned) }

func (tr *torture[K, V]) summary() string {
	var b strings.Builder
	for i := range tr.taken {
		fmt.Fprintf(&b, "%s %d, ", acts[i].name, tr.taken[i].Load())
	}
	fmt.Fprintf(&b, "%+v", tr.m.Stats())
	return b.String()
}

// atDepth calls f from n frames further down the stack, so that the stack has to grow, move and shrink.
func atDepth(n int, f func()) {
	if n == 0 {
		f()
		return
	}
	var frame [128]byte
	frame[n%len(frame)] = byte(n)
	atDepth(n-1, f)
	runtime.KeepAlive(&frame)
}
