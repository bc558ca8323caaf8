package index

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// The tests of the protocol in version.go take transactions step by step, and look from outside at each step.

// observed is all that readers can see of a map with words: the entries, and for each letter those that contain it.
type observed struct {
	loaded, ranged map[int]string
	found          map[string]map[int]string
}

type words struct {
	m        Map[int, string]
	byLetter *Index[int, string, string]
}

func newWords(stored map[int]string) *words {
	w := new(words)
	w.byLetter = Add(&w.m, "letter", func(_ int, word string) []string { return strings.Split(word, "") })
	for key, word := range stored {
		w.m.Store(key, word)
	}
	return w
}

func (w *words) observe() observed {
	o := observed{map[int]string{}, maps.Collect(w.m.All()), map[string]map[int]string{}}
	for key := range 10 {
		if word, ok := w.m.Load(key); ok {
			o.loaded[key] = word
		}
	}
	for letter := range strings.SplitSeq("abcdef", "") {
		if set := w.byLetter.Get(letter); set.Len() > 0 {
			o.found[letter] = maps.Collect(set.All())
		}
	}
	return o
}

// require demands that readers see these words, and nothing else, whichever way they look.
func (w *words) require(t *testing.T, when string, want map[int]string) {
	t.Helper()
	o := w.observe()
	if !maps.Equal(o.loaded, want) || !maps.Equal(o.ranged, want) {
		t.Fatalf("%s: Load finds %v and All shows %v, want %v", when, o.loaded, o.ranged, want)
	}
	found := map[string]map[int]string{}
	for key, word := range want {
		for letter := range strings.SplitSeq(word, "") {
			if found[letter] == nil {
				found[letter] = map[int]string{}
			}
			found[letter][key] = word
		}
	}
	if !maps.EqualFunc(o.found, found, maps.Equal[map[int]string, map[int]string]) {
		t.Fatalf("%s: the index finds %v, want %v", when, o.found, found)
	}
	if keys := slices.Sorted(w.byLetter.Keys()); !slices.Equal(keys, slices.Sorted(maps.Keys(found))) {
		t.Fatalf("%s: the index has the keys %q, want those of %v", when, keys, found)
	}
}

func TestReadersSeeTheStateBeforeUntilTheCommitAndTheStateAfterFromItOn(t *testing.T) {
	start := map[int]string{1: "ab", 2: "bc", 3: "c"}
	for name, after := range map[string]map[int]string{
		"insert":                       {1: "ab", 2: "bc", 3: "c", 4: "ad"},
		"insert without an index key":  {1: "ab", 2: "bc", 3: "c", 4: ""},
		"update":                       {1: "ba", 2: "bc", 3: "c"},
		"move":                         {1: "cd", 2: "bc", 3: "c"},
		"move out of the index":        {1: "", 2: "bc", 3: "c"},
		"delete":                       {1: "ab", 3: "c"},
		"delete the last of a letter":  {2: "bc", 3: "c"},
		"delete several":               {1: "ab"},
		"delete all":                   {},
		"insert, move, update, delete": {1: "bd", 2: "cb", 5: "a"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWords(start)
			st, x := w.m.current(), new(tx)
			type change struct {
				key       int
				old, next *entry[int, string]
			}
			var changes []change
			for key := range 10 {
				if word, ok := after[key]; !ok && start[key] != "" {
					changes = append(changes, change{key, st.load(key), nil})
				} else if ok && word != start[key] || ok && st.load(key) == nil {
					changes = append(changes, change{key, st.load(key), st.newEntry(key, word)})
				}
			}
			for _, c := range changes {
				w.require(t, "before it is staged", start)
				st.entries.Load(c.key)
				st.exchange(x, c.key, c.old, c.next)
				w.require(t, "staged", start)
			}
			x.commit()
			w.require(t, "committed", after)
			for _, c := range changes {
				st.settle(x, c.key, c.old, c.next)
				w.require(t, "being settled", after)
			}
			s := w.m.Snapshot()
			if !maps.Equal(maps.Collect(s.All()), after) || s.Len() != len(after) {
				t.Errorf("a snapshot shows %v, want %v", maps.Collect(s.All()), after)
			}
			requireSettled(t, st)
		})
	}
}

// requireSettled demands that nothing in st refers to a transaction, and no bucket is empty.
func requireSettled(t *testing.T, st *state[int, string]) {
	t.Helper()
	for key, e := range st.entries.All() {
		if e.pending.Load() != nil || e.deleted {
			t.Errorf("the entry of %d is left unsettled", key)
		}
	}
	for _, table := range st.tables {
		for ik, b := range table.(*indexTable[int, string, string]).buckets.All() {
			if b.pending.Load() != nil || b.root == nil {
				t.Errorf("the bucket of %q is left unsettled or empty", ik)
			}
		}
	}
}

// TestAReaderIsRightWhereverTheWriterOvertakesIt loads versions at one step of a transaction, and asks what counts at a
// later one, when the writer has gone on, or the next writer has come.
func TestAReaderIsRightWhereverTheWriterOvertakesIt(t *testing.T) {
	w := newWords(map[int]string{1: "a"})
	st := w.m.current()
	buckets := st.tables[0].(*indexTable[int, string, string]).buckets
	old, x := st.load(1), new(tx)
	oldBucket, _ := buckets.Load("a")
	next := st.newEntry(1, "ab")
	st.exchange(x, 1, old, next)
	stagedBucket, _ := buckets.Load("a")
	if old.now() != old || next.now() != old || oldBucket.set().root != oldBucket.root || stagedBucket.set().root != oldBucket.root {
		t.Error("a staged version counts before the commit")
	}
	x.commit()
	if next.now() != next || stagedBucket.set().root != stagedBucket.root {
		t.Error("a committed version does not count")
	}
	if old.now() != old || oldBucket.set().Len() != 1 {
		t.Error("a version that a reader loaded before it was superseded does not count any more")
	}
	st.settle(x, 1, next, next)
	st.settle(x, 1, old, next)
	w.m.Delete(1)
	if next.now() != next || stagedBucket.set().Len() != 1 {
		t.Error("a settled version that a reader loaded before it was superseded does not count any more")
	}
	w.require(t, "at the end", map[int]string{})
}

// TestWhatWasPutAsideStaysAsItWas: a reader that has loaded the state before Clear or Replace reads on in it, and must
// find all of what was there.
func TestWhatWasPutAsideStaysAsItWas(t *testing.T) {
	for name, do := range map[string]func(m *Map[int, string]){
		"Clear":   (*Map[int, string]).Clear,
		"Replace": func(m *Map[int, string]) { m.Replace(maps.All(map[int]string{3: "de"})) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWords(map[int]string{1: "ab", 2: "bc"})
			st := w.m.current()
			do(&w.m)
			w.m.Store(1, "ef")
			w.m.Store(4, "b")
			if e := st.load(1); e == nil || e.value != "ab" || st.load(4) != nil || st.entries.Len() != 2 {
				t.Errorf("the entry of 1 became %v", e)
			}
			if set := w.byLetter.table(st).buckets; set.Len() != 3 {
				t.Errorf("the index has %d keys, want 3", set.Len())
			}
			if b, _ := w.byLetter.table(st).buckets.Load("b"); b.set().Len() != 2 {
				t.Errorf("the index finds %d entries, want 2", b.set().Len())
			}
		})
	}
}

func TestReadersWaitForNoWriter(t *testing.T) {
	w := newWords(map[int]string{1: "ab", 2: "bc"})
	s, set := w.m.Snapshot(), w.byLetter.Get("b")
	w.m.locks.lock(allStripes) // as a writer that does not get on
	defer w.m.locks.unlock(allStripes)
	inTime(t, "reading while all stripes are locked", func() {
		w.require(t, "all stripes are locked", map[int]string{1: "ab", 2: "bc"})
		w.m.LoadOrStore(1, "not stored")
		w.m.Delete(9)
		if n := w.m.Len() + s.Len() + w.byLetter.At(s).Len("b") + set.Len() + w.byLetter.NumKeys() + len(w.m.Indexes()); n != 12 {
			t.Errorf("the numbers add up to %d, want 12", n)
		}
	})
}
