package versioned_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/versioned"
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

// A model is what a Map should be, written with plain Go: what is known about each key, and the deleted keys in the
// order of their deletion.
type model struct {
	known  map[int]fact
	graves []int // keys; the one deleted first comes first
	limit  int
	age    time.Duration
	now    time.Time
}

type fact struct {
	version uint8
	value   int
	dead    bool
	died    time.Time
}

func (o *model) isNewer(key int, version uint8) bool {
	f, ok := o.known[key]
	return !ok || version > f.version
}

func (o *model) forget(key int) {
	delete(o.known, key)
	o.graves = slices.DeleteFunc(o.graves, func(k int) bool { return k == key })
}

func (o *model) observe(key int, version uint8, value int) bool {
	if !o.isNewer(key, version) {
		return false
	}
	o.forget(key)
	o.known[key] = fact{version: version, value: value}
	return true
}

func (o *model) deleteAt(key int, version uint8) bool {
	took := o.isNewer(key, version) || o.known[key].version == version && !o.known[key].dead
	if took {
		o.forget(key)
		o.known[key] = fact{version: version, dead: true, died: o.now}
		o.graves = append(o.graves, key)
	}
	o.prune()
	return took
}

func (o *model) compareAndDelete(key int, version uint8) bool {
	if f, ok := o.known[key]; ok && !f.dead && f.version == version {
		return o.deleteAt(key, version)
	}
	o.prune()
	return false
}

func (o *model) prune() (n int) {
	for len(o.graves) > 0 && (len(o.graves) > o.limit || o.age > 0 && o.now.Sub(o.known[o.graves[0]].died) > o.age) {
		o.forget(o.graves[0])
		n++
	}
	return n
}

func (o *model) pruneThrough(version uint8) (n int) {
	for _, key := range slices.Clone(o.graves) {
		if o.known[key].version <= version {
			o.forget(key)
			n++
		}
	}
	return n
}

func (o *model) values() map[int]int {
	values := make(map[int]int)
	for key, f := range o.known {
		if !f.dead {
			values[key] = f.value
		}
	}
	return values
}

// TestMapDoesWhatTheModelDoes takes both through random operations with few keys and few versions, so that most of them
// meet something, with several bounds, and compares all that can be seen.
func TestMapDoesWhatTheModelDoes(t *testing.T) {
	seed := testSeed(t)
	for limit := range 5 {
		for _, age := range []time.Duration{0, 5 * time.Second} {
			t.Run(fmt.Sprintf("limit=%d/age=%v", limit*limit, age), func(t *testing.T) {
				o := &model{known: make(map[int]fact), limit: limit * limit, age: age, now: time.Unix(1e9, 0)}
				opts := []versioned.Option{versioned.WithTombstones(o.limit)}
				if age > 0 {
					clock := func() time.Time { return o.now }
					opts = append(opts, versioned.WithTombstoneAge(age), versioned.WithClock(clock))
				}
				m := versioned.New[int, int, uint8](opts...)
				walk(t, m, o, rand.New(rand.NewPCG(seed, uint64(limit))), 6000)
			})
		}
	}
}

func walk(t *testing.T, m *versioned.Map[int, int, uint8], o *model, rng *rand.Rand, steps int) {
	check := func(i int, what string, got, want any) {
		t.Helper()
		if got != want {
			t.Fatalf("step %d: %s = %v, want %v", i, what, got, want)
		}
	}
	before, then := m.Snapshot(), o.values()
	for i := range steps {
		key, version := rng.IntN(12), uint8(rng.IntN(256)*i/steps) // rising, more or less
		what := fmt.Sprintf("(%d, %d)", key, version)
		switch rng.IntN(12) {
		case 0, 1, 2:
			check(i, "Observe"+what, m.Observe(key, version, i), o.observe(key, version, i))
		case 3, 4:
			old, called := o.known[key].value, false
			_, loaded := o.values()[key]
			took := m.ObserveFunc(key, version, func(value int, ok bool) int {
				called = true
				check(i, "old value", value, old)
				check(i, "presence", ok, loaded)
				return i
			})
			check(i, "ObserveFunc"+what, took, o.observe(key, version, i))
			check(i, "call of fn", called, took)
		case 5, 6:
			check(i, "DeleteAt"+what, m.DeleteAt(key, version), o.deleteAt(key, version))
		case 7, 8:
			if rng.IntN(4) > 0 {
				version = o.known[key].version
			}
			check(i, "CompareAndDelete"+what, m.CompareAndDelete(key, version), o.compareAndDelete(key, version))
		case 9:
			switch rng.IntN(40) {
			case 0:
				m.Clear()
				o.known, o.graves = make(map[int]fact), nil
			default:
				m.Forget(key)
				o.forget(key)
			}
		case 10:
			o.now = o.now.Add(time.Duration(rng.IntN(4)) * time.Second)
			check(i, "Prune", m.Prune(), o.prune())
		case 11:
			version /= 2
			check(i, "PruneThrough", m.PruneThrough(version), o.pruneThrough(version))
		}
		f, now := o.known[key], o.values()
		value, v, ok := m.LoadVersion(key)
		if want, present := now[key]; ok != present || value != want || ok && v != f.version {
			t.Fatalf("step %d: key %d has %d at %d, %v, want %+v", i, key, value, v, ok, f)
		}
		check(i, "Len", m.Len(), len(now))
		check(i, "Tombstones", m.Tombstones(), len(o.graves))
		if i%50 == 0 {
			after := m.Snapshot()
			requireContent(t, m, after, now)
			requireDiff(t, before, after, then, now)
			before, then = after, now
		}
	}
}

func requireContent(t *testing.T, m *versioned.Map[int, int, uint8], s *versioned.Snapshot[int, int, uint8], want map[int]int) {
	t.Helper()
	if got := maps.Collect(m.All()); !maps.Equal(got, want) {
		t.Fatalf("All shows %v, want %v", got, want)
	}
	if got := maps.Collect(s.All()); !maps.Equal(got, want) || s.Len() != len(want) {
		t.Fatalf("a snapshot of %d entries shows %v, want %v", s.Len(), got, want)
	}
	for key := range 12 {
		value, ok := s.Load(key)
		same, _, is := s.LoadVersion(key)
		if _, present := want[key]; value != want[key] || ok != present || same != value || is != ok {
			t.Fatalf("snapshot: key %d has %d, %v, want %d", key, value, ok, want[key])
		}
	}
}

// requireDiff: a diff, applied to the older content, gives the newer one, and tells each kind of change for what it is.
func requireDiff(t *testing.T, older, newer *versioned.Snapshot[int, int, uint8], then, now map[int]int) {
	t.Helper()
	for key, c := range newer.Diff(older) {
		old, was := then[key]
		value, is := now[key]
		kind := map[[2]bool]shardmap.ChangeKind{{true, true}: shardmap.Updated, {false, true}: shardmap.Added, {true, false}: shardmap.Removed}
		if want := (shardmap.Change[int]{Kind: kind[[2]bool{was, is}], Old: old, New: value}); c != want {
			t.Fatalf("key %d: the diff says %+v, want %+v", key, c, want)
		}
		if is {
			then[key] = value
		} else {
			delete(then, key)
		}
	}
	if !maps.Equal(then, now) {
		t.Fatalf("the older content with the diff applied is %v, want %v", then, now)
	}
	if n := len(maps.Collect(newer.Diff(nil))); n != len(now) {
		t.Fatalf("%d changes since nothing, want %d", n, len(now))
	}
}

// An event is an observation or a deletion of one key.
type event struct {
	key     int
	version uint64
	deleted bool
}

func (e event) deliver(m *versioned.Map[int, event, uint64]) {
	if e.deleted {
		m.DeleteAt(e.key, e.version)
	} else {
		m.Observe(e.key, e.version, e)
	}
}

// eventsOf returns a history of each of the keys, and what is to be there in the end.
func eventsOf(rng *rand.Rand, keys, each int) (events []event, want map[int]event) {
	want = make(map[int]event)
	version := uint64(0)
	for range keys * each {
		version += uint64(rng.IntN(2)) // some versions come twice, for different keys or as observation and deletion
		e := event{rng.IntN(keys), version, rng.IntN(3) == 0}
		if old, ok := want[e.key]; ok && !old.deleted && old.version == version && !e.deleted {
			continue
		} else if !ok || version > old.version || e.deleted {
			want[e.key] = e
		}
		events = append(events, e)
	}
	maps.DeleteFunc(want, func(_ int, e event) bool { return e.deleted })
	return events, want
}

func TestTheOrderAndNumberOfDeliveriesMakeNoDifference(t *testing.T) {
	rng := rand.New(rand.NewPCG(testSeed(t), 1))
	for range 200 {
		events, want := eventsOf(rng, 8, 6)
		for range 10 {
			m := versioned.New[int, event, uint64]()
			delivered := slices.Concat(events, events[:len(events)/3])
			rng.Shuffle(len(delivered), func(i, j int) { delivered[i], delivered[j] = delivered[j], delivered[i] })
			for _, e := range delivered {
				e.deliver(m)
			}
			if got := maps.Collect(m.All()); !maps.Equal(got, want) || m.Len() != len(want) {
				t.Fatalf("delivered: %v\ngot  %v (Len %d)\nwant %v", delivered, got, m.Len(), want)
			}
		}
	}
}

func TestCompareDecimalOrdersNumeralsByValueAndTheRestBefore(t *testing.T) {
	ascending := []string{"", "-1", "007", "1.5", "١", "0", "1", "9", "10", "99", "100", "18446744073709551615",
		"18446744073709551616", strings.Repeat("9", 50), "1" + strings.Repeat("0", 50)}
	for i, a := range ascending {
		for j, b := range ascending {
			want := 0
			if i < 5 && j < 5 {
				want = strings.Compare(a, b)
			} else if i != j {
				want = map[bool]int{true: -1, false: 1}[i < j]
			}
			if got := versioned.CompareDecimal(a, b); got != want {
				t.Errorf("CompareDecimal(%q, %q) = %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestResourceVersionsAreNoText(t *testing.T) {
	m := versioned.NewFunc[string, int](versioned.CompareDecimal)
	m.Observe("pod", "9", 9)
	if !m.Observe("pod", "10", 10) || m.Observe("pod", "", 0) || m.Observe("pod", "010", 0) {
		t.Error("10 is newer than 9, and a malformed version is newer than none")
	}
	if value, version, ok := m.LoadVersion("pod"); value != 10 || version != "10" || !ok {
		t.Errorf("got %d at %s, %v, want 10 at 10", value, version, ok)
	}
}
