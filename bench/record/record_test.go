package record

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/bench/trace"
)

var (
	_ shardmap.ConcurrentMap[string, int] = (*Recorded[string, int])(nil)
	_ Sync[any, any]                      = (*sync.Map)(nil)
)

// testSeed returns the seed of a randomised test and prints it, so that a failure can be had again with
// SHARDMAP_SEED=<seed> go test -run <test>.
func testSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("SHARDMAP_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SHARDMAP_SEED=%s: %v", s, err)
		}
	}
	t.Logf("SHARDMAP_SEED=%d", seed)
	return seed
}

// readTracks returns the operations of each track.
func readTracks(t *testing.T, file io.Reader) (tracks map[uint32][]trace.Op, r *trace.Reader) {
	t.Helper()
	r, err := trace.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	tracks = map[uint32][]trace.Op{}
	for {
		b, err := r.Next()
		if err == io.EOF {
			return tracks, r
		}
		if err != nil {
			t.Fatal(err)
		}
		tracks[b.Track] = append(tracks[b.Track], b.Ops...)
	}
}

// randomCall calls a random method, and returns what should have been recorded of it, without key and time.
func randomCall(rng *rand.Rand, m *Recorded[string, int], key string) (kind trace.Kind, outcome trace.Outcome, count int) {
	switch rng.IntN(16) {
	case 0, 1, 2:
		_, ok := m.Load(key)
		return trace.Load, found(ok), -1
	case 3, 4:
		m.Store(key, rng.IntN(3))
		return trace.Store, trace.Stored, -1
	case 5:
		_, loaded := m.LoadOrStore(key, 1)
		return trace.LoadOrStore, either(loaded, trace.Found, trace.Stored), -1
	case 6:
		_, loaded := m.LoadAndDelete(key)
		return trace.LoadAndDelete, either(loaded, trace.Found|trace.Deleted, 0), -1
	case 7:
		m.Delete(key)
		return trace.Delete, trace.Deleted, -1
	case 8:
		_, loaded := m.Swap(key, 2)
		return trace.Swap, trace.Stored | found(loaded), -1
	case 9:
		return trace.CompareAndSwap, either(m.CompareAndSwap(key, 1, 2), trace.Found|trace.Stored, 0), -1
	case 10:
		return trace.CompareAndDelete, either(m.CompareAndDelete(key, 1), trace.Found|trace.Deleted, 0), -1
	case 11:
		op := []shardmap.Op{shardmap.Keep, shardmap.Set, shardmap.Remove}[rng.IntN(3)]
		var before bool
		m.Compute(key, func(old int, loaded bool) (int, shardmap.Op) { before = loaded; return old, op })
		return trace.Compute, found(before) | []trace.Outcome{0, trace.Stored, trace.Deleted}[op], -1
	case 12:
		_, loaded, _ := m.LoadOrCompute(key, func() (int, error) { return 1, nil })
		return trace.LoadOrCompute, either(loaded, trace.Found, trace.Stored), -1
	case 13:
		n, limit := 0, rng.IntN(5)
		m.Range(func(string, int) bool { n++; return n <= limit })
		return trace.Range, 0, n
	case 14:
		return trace.Len, 0, m.Len()
	}
	if rng.IntN(20) == 0 {
		m.Clear()
		return trace.Clear, trace.Deleted, 0
	}
	_, ok := m.Load(key)
	return trace.Load, found(ok), -1
}

func TestEveryCallIsRecordedInOrderWithItsOutcome(t *testing.T) {
	rng := rand.New(rand.NewPCG(testSeed(t), 0))
	for range 20 {
		var file bytes.Buffer
		r := New(&file, Options{Block: true})
		inner := shardmap.New[string, int]()
		inner.Store("there", 1)
		m := Map(r, inner).Goroutine()
		type call struct {
			key     string
			kind    trace.Kind
			outcome trace.Outcome
			count   int
		}
		var calls []call
		for range rng.IntN(2000) {
			key := strconv.Itoa(rng.IntN(200))
			kind, outcome, count := randomCall(rng, m, key)
			calls = append(calls, call{key, kind, outcome, count})
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		tracks, reader := readTracks(t, &file)
		if len(tracks[0]) != 1 || tracks[0][0].Kind != trace.Start || tracks[0][0].Length != 5 {
			t.Fatalf("the start is %v", tracks[0])
		}
		ops := tracks[uint32(reader.Header().Shared)]
		if len(ops) != len(calls) || reader.Lost() != 0 {
			t.Fatalf("%d operations of %d, %d lost", len(ops), len(calls), reader.Lost())
		}
		keys, numbers := map[string]uint64{}, map[uint64]string{}
		for i, op := range ops {
			c := calls[i]
			if op.Kind != c.kind || op.Outcome != c.outcome || c.count >= 0 && int(op.Length) != c.count {
				t.Fatalf("call %d: %+v, recorded as %+v", i, c, op)
			}
			if i > 0 && op.At < ops[i-1].At {
				t.Fatalf("call %d was before call %d", i, i-1)
			}
			if c.count >= 0 {
				continue
			}
			if int(op.Length) != len(c.key) {
				t.Fatalf("call %d: %q has %d bytes", i, c.key, op.Length)
			}
			if k, ok := keys[c.key]; ok && k != op.Key || numbers[op.Key] != "" && numbers[op.Key] != c.key {
				t.Fatalf("call %d: %q and %q are mixed up", i, c.key, numbers[op.Key])
			}
			keys[c.key], numbers[op.Key] = op.Key, c.key
		}
	}
}

func TestDeleteFuncAndIteratorsAreRecordedAsWalksAndDeletions(t *testing.T) {
	var file bytes.Buffer
	r := New(&file, Options{Block: true})
	m := Map(r, new(shardmap.RWMap[int, int])).Goroutine()
	for i := range 10 {
		m.Store(i, i)
	}
	if n := m.DeleteFunc(func(key, _ int) bool { return key%2 == 0 }); n != 5 {
		t.Fatal(n)
	}
	for range m.All() {
	}
	for range m.Keys() {
		break
	}
	for range m.Values() {
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	tracks, reader := readTracks(t, &file)
	var walks []uint32
	deletions := map[uint64]bool{}
	for _, op := range tracks[uint32(reader.Header().Shared)] {
		switch op.Kind {
		case trace.Range:
			walks = append(walks, op.Length)
		case trace.Delete:
			deletions[op.Key] = true
		}
	}
	if len(walks) != 4 || walks[0] != 10 || walks[1] != 5 || walks[2] != 1 || walks[3] != 5 || len(deletions) != 5 {
		t.Errorf("walks %v, %d deletions", walks, len(deletions))
	}
}

// A predicate that changes the entry which it wants deleted is asked again. What it says then counts.
func TestDeleteFuncRecordsWhatItsPredicateSaidLast(t *testing.T) {
	var file bytes.Buffer
	r := New(&file, Options{Block: true})
	inner := shardmap.New[int, int]()
	m := Map(r, shardmap.ConcurrentMap[int, int](inner)).Goroutine()
	m.Store(1, 0)
	n := m.DeleteFunc(func(key, value int) bool {
		if value == 0 {
			inner.Store(key, 1)
			return true
		}
		return false
	})
	if err := r.Close(); err != nil || n != 0 {
		t.Fatal(n, err)
	}
	tracks, reader := readTracks(t, &file)
	if ops := tracks[uint32(reader.Header().Shared)]; len(ops) != 2 || ops[1].Kind != trace.Range {
		t.Errorf("recorded %v, want a Store and a Range", ops)
	}
}

func TestPanicsAndGoexitPassThroughAndTheRecordingGoesOn(t *testing.T) {
	for _, leave := range []func(){func() { panic("a bug") }, runtime.Goexit} {
		var file bytes.Buffer
		r := New(&file, Options{Block: true})
		m := Map(r, shardmap.New[any, int]()).Goroutine()
		m.Store("key", 1)
		within := func(f func()) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer func() { _ = recover() }()
				f()
			}()
			<-done
		}
		within(func() { m.Range(func(any, int) bool { leave(); return true }) })
		within(func() { m.DeleteFunc(func(any, int) bool { leave(); return true }) })
		within(func() { m.Compute("key", func(int, bool) (int, shardmap.Op) { leave(); return 0, shardmap.Set }) })
		within(func() { m.LoadOrCompute("new", func() (int, error) { leave(); return 0, nil }) })
		within(func() { m.Load([]int{1}) })
		if _, ok := m.Load("key"); !ok {
			t.Error("the key is gone")
		}
		if _, _, err := m.LoadOrCompute("new", func() (int, error) { return 0, io.ErrClosedPipe }); err != io.ErrClosedPipe {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		tracks, reader := readTracks(t, &file)
		var kinds []trace.Kind
		for _, op := range tracks[uint32(reader.Header().Shared)] {
			kinds = append(kinds, op.Kind)
		}
		want := []trace.Kind{trace.Store, trace.Range, trace.Range, trace.Load, trace.LoadOrCompute}
		if len(kinds) != len(want) {
			t.Fatalf("recorded %v, want %v", kinds, want)
		}
		for i := range want {
			if kinds[i] != want[i] {
				t.Fatalf("recorded %v, want %v", kinds, want)
			}
		}
	}
}

func TestASampleHasAllOperationsOnItsKeysAndNoneOnOthers(t *testing.T) {
	const keys, each, sample = 4000, 5, 10
	var file bytes.Buffer
	r := New(&file, Options{Sample: sample, Block: true})
	inner := shardmap.New[int, int]()
	for i := range keys {
		inner.Store(-i-1, 0)
	}
	m := Map(r, inner)
	for range each {
		for i := range keys {
			m.Store(i, i)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	tracks, reader := readTracks(t, &file)
	stores, starts := map[uint64]int{}, 0
	for _, ops := range tracks {
		for _, op := range ops {
			if op.Kind == trace.Start {
				starts++
			} else {
				stores[op.Key]++
			}
		}
	}
	for key, n := range stores {
		if n != each {
			t.Fatalf("key %x has %d operations, want %d", key, n, each)
		}
	}
	// 400 are expected of each, with a standard deviation of 19.
	if reader.Header().Sample != sample || len(stores) < 280 || len(stores) > 520 || starts < 280 || starts > 520 {
		t.Errorf("one of %d: %d of %d keys, %d of those at the start", reader.Header().Sample, len(stores), keys, starts)
	}
}

func TestKeysAndValuesHaveTheirClassesAndLengths(t *testing.T) {
	type named struct {
		Namespace, Name string
		UID             int64
	}
	type text string
	checkClass(t, 7, "int", 8, "pointer", new(int))
	checkClass(t, math.NaN(), "int", 8, "int", 7)
	checkClass(t, int8(1), "int", 1, "triple", [3]int{})
	checkClass(t, "four", "string", 4, "int", true)
	checkClass(t, text("four"), "string", 4, "triple", "a string is larger than a word")
	checkClass(t, named{"four", "five!", 1}, "namespacedName", 17, "pointer", map[int]int{})
	checkClass(t, [2]text{"a", "bc"}, "namespacedName", 3, "int", struct{}{})
	checkClass(t, [16]byte{}, "string", 16, "pointer", error(nil))
	checkClass(t, any("four"), "string", 4, "pointer", any(1))
	checkClass(t, any(named{"four", "five!", 1}), "string", 17, "int", 1)
	checkClass(t, any([2]int16{}), "string", 4, "int", 1)
	checkClass(t, any(nil), "string", 0, "int", 1)
}

func checkClass[K comparable, V any](t *testing.T, key K, keys string, length uint32, values string, value V) {
	t.Helper()
	var file bytes.Buffer
	r := New(&file, Options{})
	Map(r, shardmap.New[K, V]()).Store(key, value)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	tracks, reader := readTracks(t, &file)
	h := reader.Header()
	if h.Keys != keys || h.Values != values {
		t.Errorf("%T and %T: %+v, want %s and %s", key, value, h, keys, values)
	}
	for _, ops := range tracks {
		if ops[0].Length != length {
			t.Errorf("%T: length %d, want %d", key, ops[0].Length, length)
		}
	}
}

func TestMisuseIsAnErrorOrAPanicWithOneSentence(t *testing.T) {
	panics := func(want string, f func()) {
		t.Helper()
		defer func() {
			t.Helper()
			if got := recover(); got != want {
				t.Errorf("panic %v, want %s", got, want)
			}
		}()
		f()
	}
	panics("record: Options.Sample -1: want 1 of at least 1 keys", func() { New(io.Discard, Options{Sample: -1}) })
	panics("record: Options.Memory -1: want at least 0 bytes", func() { New(io.Discard, Options{Memory: -1}) })
	r := New(io.Discard, Options{})
	panics("record: Map: the map is nil", func() { Map[int, int](r, nil) })
	if err := r.Close(); err == nil || err.Error() != "record: Close: there is no map, so there is no trace" {
		t.Error(err)
	}
	Map(r, new(shardmap.Map[int, int]))
	panics("record: Map: the recorder has a map already, and a trace is of one", func() { Map(r, new(shardmap.Map[int, int])) })
	if err := errors.Join(r.Close(), r.Close(), r.Err()); err != nil {
		t.Error(err)
	}
}
