package shardmap_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"runtime"

	"github.com/shardmap-go/shardmap"
)

// The operations of the torture workload; torture_test.go says what they have to hold.

// A victim is one of the goroutines of a torture, with the snapshots it keeps.
type victim[K comparable, V any] struct {
	*torture[K, V]
	rng  *rand.Rand
	kept []keptSnapshot[K, V]
}

// A keptSnapshot is a snapshot and what it showed at first.
type keptSnapshot[K comparable, V any] struct {
	s           *shardmap.Snapshot[K, V]
	fingerprint uint64
}

// acts are the operations, each with how often it is taken. What concerns the whole map is rare.
var acts = [...]struct {
	name   string
	weight int
}{
	{"load", 300}, {"store", 250}, {"loadOrStore", 60}, {"swap", 60}, {"compareAndSwap", 60}, {"compute", 80},
	{"loadOrCompute", 60}, {"delete", 80}, {"loadAndDelete", 60}, {"compareAndDelete", 40}, {"range", 4}, {"deleteFunc", 2},
	{"snapshot", 25}, {"clone", 2}, {"diff", 4}, {"clear", 1}, {"replace", 1}, {"shrink", 1}, {"stats", 1}, {"collect", 1},
}

const numberOfActs = len(acts)

var weightOfActs = func() (sum int) {
	for _, act := range acts {
		sum += act.weight
	}
	return sum
}()

// step does one operation, now and then deep down the stack.
func (v *victim[K, V]) step() {
	act, n := 0, v.rng.IntN(weightOfActs)
	for ; n >= acts[act].weight; act++ {
		n -= acts[act].weight
	}
	v.taken[act].Add(1)
	if v.rng.IntN(64) == 0 {
		atDepth(v.rng.IntN(100), func() { v.act(acts[act].name) })
		return
	}
	v.act(acts[act].name)
}

func (v *victim[K, V]) act(name string) {
	i := v.rng.IntN(v.space)
	if v.rng.IntN(4) == 0 {
		i %= 8 // which everybody fights over
	}
	key := v.keys.key(i)
	switch name {
	case "load":
		v.see(name, key)(v.m.Load(key))
	case "store":
		v.m.Store(key, v.fresh(i))
	case "loadOrStore":
		value, _ := v.m.LoadOrStore(key, v.fresh(i))
		v.examine(name, key, value)
	case "swap":
		v.see(name, key)(v.m.Swap(key, v.fresh(i)))
	case "compareAndSwap":
		if old, ok := v.m.Load(key); ok {
			v.m.CompareAndSwap(key, old, v.fresh(i))
		}
	case "compute":
		v.compute(key, i)
	case "loadOrCompute":
		v.loadOrCompute(key, i)
	case "delete":
		v.m.Delete(key)
	case "loadAndDelete":
		v.see(name, key)(v.m.LoadAndDelete(key))
	case "compareAndDelete":
		if old, ok := v.m.Load(key); ok {
			v.m.CompareAndDelete(key, old)
		}
	case "range":
		v.rangeOver()
	case "deleteFunc":
		rest := v.rng.IntN(3)
		v.m.DeleteFunc(func(key K, value V) bool {
			number, _ := v.examine(name, key, value)
			return number%3 == rest
		})
	case "snapshot":
		v.keep()
	case "clone":
		v.clone()
	case "diff":
		v.diff()
	case "clear":
		v.m.Clear()
	case "replace":
		v.replace()
	case "shrink":
		v.m.Shrink()
	case "stats":
		if st := v.m.Stats(); st.Entries < 0 || st.Shards < 1 && st.Entries > 0 {
			v.failf("Stats: %+v", st)
		}
	case "collect":
		runtime.GC()
	default:
		panic("no such operation: " + name)
	}
}

// see returns a function that examines the value that an operation returned, if it returned one.
func (v *victim[K, V]) see(where string, key K) func(value V, ok bool) {
	return func(value V, ok bool) {
		if ok {
			v.examine(where, key, value)
		}
	}
}

func (v *victim[K, V]) compute(key K, i int) {
	value, ok := v.m.Compute(key, func(old V, loaded bool) (V, shardmap.Op) {
		v.see("the callback of Compute", key)(old, loaded)
		switch v.rng.IntN(4) {
		case 0:
			return old, shardmap.Keep
		case 1:
			return old, shardmap.Remove
		}
		return v.fresh(i), shardmap.Set
	})
	v.see("Compute", key)(value, ok)
}

var errNotLoaded = errors.New("not loaded")

func (v *victim[K, V]) loadOrCompute(key K, i int) {
	value, _, err := v.m.LoadOrCompute(key, func() (V, error) {
		runtime.Gosched()
		if v.rng.IntN(4) == 0 {
			return v.fresh(i), errNotLoaded
		}
		return v.fresh(i), nil
	})
	if err == nil {
		v.examine("LoadOrCompute", key, value)
	}
}

func (v *victim[K, V]) rangeOver() {
	seen := make(map[K]bool)
	limit := v.rng.IntN(2 * v.space)
	for key, value := range v.m.All() {
		v.examine("All", key, value)
		if seen[key] {
			v.failf("All shows key %v twice", key)
		}
		seen[key] = true
		if len(seen) > limit {
			break
		}
	}
}

// keep takes a snapshot and keeps it for a while.
func (v *victim[K, V]) keep() {
	s := v.m.Snapshot()
	v.kept = append(v.kept, keptSnapshot[K, V]{s, v.fingerprint(s)})
	if len(v.kept) > 4 {
		i := v.rng.IntN(len(v.kept))
		v.drop(v.kept[i])
		v.kept[i] = v.kept[len(v.kept)-1]
		v.kept[len(v.kept)-1] = keptSnapshot[K, V]{} // so that it is let go
		v.kept = v.kept[:len(v.kept)-1]
	}
}

// drop looks at a snapshot for the last time. It is property 2.
func (v *victim[K, V]) drop(k keptSnapshot[K, V]) {
	if now := v.fingerprint(k.s); now != k.fingerprint {
		v.failf("a snapshot of %d entries has changed: fingerprint %#x, at first %#x", k.s.Len(), now, k.fingerprint)
	}
}

func (v *victim[K, V]) dropAll() {
	for _, k := range v.kept {
		v.drop(k)
	}
	v.kept = nil
}

// fingerprint returns a number that depends on all that a snapshot shows.
func (v *victim[K, V]) fingerprint(s *shardmap.Snapshot[K, V]) (sum uint64) {
	n := 0
	for key, value := range s.All() {
		number, version := v.examine("a snapshot", key, value)
		sum += checksum(number, version)
		n++
		if n%4 > 0 {
			continue
		}
		again, ok := s.Load(key)
		if number2, version2 := v.examine("Snapshot.Load", key, again); !ok || number2 != number || version2 != version {
			v.failf("Snapshot.Load(%v) gives version %d, %v; All has %d", key, version2, ok, version)
		}
	}
	if n != s.Len() {
		v.failf("a snapshot shows %d entries, its Len is %d", n, s.Len())
	}
	return sum
}

// clone checks property 3: it works on a clone and on a Go map in the same way.
func (v *victim[K, V]) clone() {
	c := v.m.Clone()
	model := c.Snapshot().ToMap()
	for range 100 {
		i := v.rng.IntN(v.space)
		key := v.keys.key(i)
		if v.rng.IntN(3) == 0 {
			c.Delete(key)
			delete(model, key)
		} else {
			value := v.make(i, cloned+i)
			c.Store(key, value)
			model[key] = value
		}
	}
	n := 0
	for key, value := range c.All() {
		n++
		want, ok := model[key]
		number, version, err := v.check(value)
		wantNumber, wantVersion, wantErr := v.check(want)
		if !ok || err != nil || wantErr != nil || number != wantNumber || version != wantVersion || v.keys.key(number) != key {
			v.failf("a clone has key %v with number %d, version %d, %v; want number %d, version %d, %v, present: %v",
				key, number, version, err, wantNumber, wantVersion, wantErr, ok)
		}
	}
	if n != len(model) || c.Len() != n {
		v.failf("a clone shows %d entries, its Len is %d, want %d", n, c.Len(), len(model))
	}
}

// diff applies the difference between a kept snapshot and now to what the kept one shows.
func (v *victim[K, V]) diff() {
	if len(v.kept) == 0 {
		return
	}
	older, now := v.kept[v.rng.IntN(len(v.kept))].s, v.m.Snapshot()
	content := older.ToMap()
	for key, change := range now.Diff(older) {
		if change.Kind == shardmap.Removed {
			delete(content, key)
		} else {
			content[key] = change.New
		}
	}
	if len(content) != now.Len() {
		v.failf("Diff leads to %d entries, want %d", len(content), now.Len())
	}
	for key, value := range now.All() {
		number, version := v.examine("a snapshot", key, value)
		applied, ok := content[key]
		if !ok {
			v.failf("Diff does not lead to key %v", key)
			return
		}
		if number2, version2 := v.examine("Diff", key, applied); number2 != number || version2 != version {
			v.failf("Diff leads to version %d of key %v, want %d", version2, key, version)
		}
	}
}

func (v *victim[K, V]) replace() {
	content := make(map[K]V)
	for range v.rng.IntN(v.space) {
		i := v.rng.IntN(v.space)
		content[v.keys.key(i)] = v.fresh(i)
	}
	v.fingerprint(v.m.Replace(maps.All(content)))
}
