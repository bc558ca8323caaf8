package shardmap_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/shardmap-go/shardmap"
)

// Operations on all entries that every map has.

func fuzzWholeOperations[K, V comparable]() []fuzzOperation[K, V] {
	return []fuzzOperation[K, V]{
		{"All", (*fuzzRun[K, V]).all},
		{"Range stopped early", (*fuzzRun[K, V]).rangeSome},
		{"Range and write", (*fuzzRun[K, V]).rangeAndWrite},
		{"DeleteFunc", (*fuzzRun[K, V]).deleteFunc},
		{"DeleteFunc and write", (*fuzzRun[K, V]).deleteFuncAndWrite},
		{"Clear", (*fuzzRun[K, V]).clear},
		{"MarshalJSON", (*fuzzRun[K, V]).encode},
		{"UnmarshalJSON", (*fuzzRun[K, V]).decode},
	}
}

// all goes through the map in all four ways.
func (r *fuzzRun[K, V]) all() {
	r.requireContent()
	r.requireEntries("All", r.m.All(), r.model)
	r.requireKeys("Keys", r.m.Keys(), r.model)
	r.requireValues("Values", r.m.Values(), r.model)
	if m, ok := r.m.(interface{ ToMap() map[K]V }); ok {
		r.requireEntries("ToMap", maps.All(m.ToMap()), r.model)
	}
	r.spent += 4 * len(r.model)
}

func (r *fuzzRun[K, V]) rangeSome() {
	want, n := min(1+r.in.pick(256), len(r.model)), 0
	r.m.Range(func(K, V) bool { n++; return n < want })
	for range r.m.Keys() {
		if n++; n >= 2*want {
			break
		}
	}
	for range r.m.Values() {
		if n++; n >= 3*want {
			break
		}
	}
	if n != 3*want {
		r.fatalf("shows %d/3 entries, stopped after %d", n, want)
	}
	r.spent += n
}

// rangeAndWrite changes the map at up to eight of the entries that Range shows. A key that was left alone is shown once,
// with its value; another at most once, with a value that it had meanwhile. The smaller maps show one instant.
func (r *fuzzRun[K, V]) rangeAndWrite() {
	before, seen, lost := maps.Clone(r.model), make(map[K]V), make(map[V]int)
	distance, visits, writes := 1+r.in.pick(64), 0, r.in.pick(8)
	watch := newFuzzWatch[K, V]()
	r.watch = watch
	r.m.Range(func(key K, value V) bool {
		if _, ok := seen[key]; ok {
			r.fatalf("shows %v twice", key)
		}
		if key == key {
			seen[key] = value
		} else {
			lost[value]++
		}
		if visits++; visits%distance == 0 && writes > 0 {
			writes--
			r.take(r.nested)
		}
		return true
	})
	r.watch = nil
	r.spent += 2 * len(before)
	if r.sharded() == nil {
		r.requireEntries("Range", maps.All(seen), withoutNaNs(before))
		r.requireCounts("Range of NaNs", lost, nanValues(before))
		return
	}
	for key, value := range seen {
		if old, ok := before[key]; (!ok || old != value) && !slices.Contains(watch.values[key], value) {
			r.fatalf("shows %v → %v, which was %v, %v before, and then %v", key, value, old, ok, watch.values[key])
		}
	}
	for key, value := range before {
		if _, ok := seen[key]; key == key && !ok && !watch.all && !watch.written[key] {
			r.fatalf("does not show %v → %v", key, value)
		}
	}
	was := nanValues(before)
	for _, value := range watch.nans {
		was[value]++
	}
	for value, n := range lost {
		if n > was[value] {
			r.fatalf("shows a NaN with value %v %d times, there were %d", value, n, was[value])
		}
	}
}

func withoutNaNs[K comparable, V any](m map[K]V) map[K]V {
	kept := make(map[K]V, len(m))
	for key, value := range m {
		if key == key {
			kept[key] = value
		}
	}
	return kept
}

// deleteFunc deletes entries by the order in which they are shown, which is another one each time.
func (r *fuzzRun[K, V]) deleteFunc() {
	kept, n, modulus := make(map[K]V), 0, 1+r.in.pick(8)
	got := r.m.DeleteFunc(func(key K, value V) bool {
		want, ok := r.model[key]
		if key == key && (!ok || want != value) {
			r.fatalf("shows %v → %v, want %v, %v", key, value, want, ok)
		}
		if n++; n%modulus == 0 {
			return true
		}
		kept[key] = value
		return false
	})
	if n != len(r.model) || got != n-len(kept) {
		r.fatalf("shows %d entries, want %d; deletes %d, want %d", n, len(r.model), got, n-len(kept))
	}
	r.spent += n
	r.become(kept)
}

// deleteFuncAndWrite changes, while it is asked about an entry, that same entry; and is then asked again, unless the
// entry looks as before. What it says last counts. Of NaNs it says the same each time.
func (r *fuzzRun[K, V]) deleteFuncAndWrite() {
	arg, asked, doomed, stale := r.in.byte(), make(map[K]bool), make(map[K]bool), make(map[K]bool)
	got := r.m.DeleteFunc(func(key K, value V) bool {
		if key != key {
			return arg%3 == 0
		}
		if want, ok := r.model[key]; !ok || want != value {
			r.fatalf("shows %v → %v, want %v, %v", key, value, want, ok)
		}
		switch n := len(asked); {
		case asked[key]:
			doomed[key] = arg%2 == 0
		case n%2 == 0:
			doomed[key] = n%4 == 0
		default:
			r.store(key, arg+byte(n))
			doomed[key] = true
		}
		asked[key], stale[key] = true, r.model[key] != value
		return doomed[key]
	})
	for key := range r.model {
		if key == key && (!asked[key] || stale[key]) {
			r.fatalf("asked about %v: %v, before it was changed: %v", key, asked[key], stale[key])
		}
	}
	before := len(r.model)
	if arg%3 == 0 {
		r.model = withoutNaNs(r.model)
	}
	for key, yes := range doomed {
		if yes {
			r.drop(key)
		}
	}
	if got != before-len(r.model) {
		r.fatalf("deletes %d entries, want %d", got, before-len(r.model))
	}
	r.spent += 2 * before
	r.requireContent()
}

func (r *fuzzRun[K, V]) clear() {
	r.m.Clear()
	r.become(make(map[K]V))
}

// encode compares the encoding with that of the model, and decodes it into another map.
func (r *fuzzRun[K, V]) encode() {
	r.spent += 4 * len(r.model)
	want, wantErr := json.Marshal(r.model)
	got, err := r.m.MarshalJSON()
	if !bytes.Equal(got, want) || (err == nil) != (wantErr == nil) {
		r.fatalf("gives %s, %v, want %s, %v", got, err, want, wantErr)
	}
	if err != nil {
		return
	}
	decoded := r.fresh()
	if err = decoded.UnmarshalJSON(got); err != nil || decoded.Len() != len(r.model) {
		r.fatalf("gives %s, which decodes to %d entries, %v", got, decoded.Len(), err)
	}
	if again, err := decoded.MarshalJSON(); err != nil || !bytes.Equal(again, want) {
		r.fatalf("gives, decoded and encoded again, %s, %v, want %s", again, err, want)
	}
}

// decode decodes a run of keys into the map. Keys of other kinds than strings and numbers cannot be decoded.
func (r *fuzzRun[K, V]) decode() {
	content, arg := make(map[K]V), r.in.byte()
	for i, key := range r.inputRun() {
		content[key] = r.value(arg + i)
	}
	r.spent += 4 * len(content)
	data, wantErr := json.Marshal(content)
	if wantErr != nil {
		data = []byte(`{"1":1}`)
	}
	if err := r.m.UnmarshalJSON(data); (err == nil) != (wantErr == nil) {
		r.fatalf("of %s: %v, want %v", data, err, wantErr)
	}
	if wantErr != nil {
		return
	}
	for key, want := range content {
		got, ok := r.m.Load(key) // if it is a pointer, it is a new one
		if a, b := encoded(r, got), encoded(r, want); !ok || a != b {
			r.fatalf("stores %v → %s, %v, want %s", key, a, ok, b)
		}
		r.put(key, got)
	}
}

func encoded[K, V comparable](r *fuzzRun[K, V], value V) string {
	data, err := json.Marshal(value)
	if err != nil {
		r.fatalf("%v", err)
	}
	return string(data)
}

func fuzzAtomicOperations[K, V comparable]() []fuzzOperation[K, V] {
	return []fuzzOperation[K, V]{{"Update", (*fuzzRun[K, V]).update}}
}

// update changes a run of keys at once; or panics in the middle, or writes to the map meanwhile, so that it is done once
// more.
func (r *fuzzRun[K, V]) update() {
	keys, arg := r.inputRun(), r.in.byte()
	next, calls, wantCalls := r.model, 0, 1
	panicked := panicOf(func() {
		r.m.(*shardmap.AtomicMap[K, V]).Update(func(m map[K]V) {
			calls++
			r.requireEntries("Update's argument", maps.All(m), r.model)
			for i, key := range keys {
				if i%2 == 0 {
					m[key] = r.value(arg + i)
				} else {
					delete(m, key)
				}
			}
			switch {
			case arg%4 == 1:
				panic("on the way")
			case arg%4 == 2 && calls == 1:
				wantCalls = 2
				r.store(r.key(int(arg)), arg)
			}
			next = maps.Clone(m)
		})
	})
	if (panicked != nil) != (arg%4 == 1) || calls != wantCalls {
		r.fatalf("calls back %d times, want %d; panic %v", calls, wantCalls, panicked)
	}
	r.spent += 3 * len(next)
	r.become(next)
}
