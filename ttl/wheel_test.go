package ttl

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

func wheelSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("SHARDMAP_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("SHARDMAP_SEED=%d", seed)
	return seed
}

// TestWheelTakesOutExactlyWhatIsDue compares the wheel with a list of entries, over steps of all sizes and deadlines near
// and far, in the past, and moved after they were put in.
func TestWheelTakesOutExactlyWhatIsDue(t *testing.T) {
	seed := wheelSeed(t)
	for i := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, i))
		now := rng.Int64N(never) - never/2
		random := func() int64 { return rng.Int64N(1 << rng.IntN(60)) }
		w := wheel[int, int]{time: tickOf(now)}
		var in []*entry[int, int]
		for step := range 600 {
			switch rng.IntN(6) {
			case 0, 1, 2:
				for range 1 + rng.IntN(100) {
					e := &entry[int, int]{key: step, more: &more{idle: 1, end: never}}
					d := min(now+random()-random()/8, never-1)
					if rng.IntN(4) == 0 {
						d = (d+never)>>26<<26 - never // where a slot of a higher level begins
					}
					e.life.Store(lifeOf(d))
					w.insert(e)
					in = append(in, e)
				}
			case 3:
				if len(in) > 0 {
					j := rng.IntN(len(in))
					w.remove(in[j])
					in = slices.Delete(in, j, j+1)
				}
			case 4:
				if len(in) > 0 {
					e := in[rng.IntN(len(in))]
					e.life.Store(lifeOf(min(e.deadline()+random(), never-1)))
				}
			case 5:
				if now = min(now+random(), never-1); len(in) > 0 && rng.IntN(2) == 0 {
					now = max(now, in[rng.IntN(len(in))].deadline())
				}
				requireDue(t, &w, &in, now, 1+rng.IntN(100))
			}
		}
		requireDue(t, &w, &in, never-1, 128)
		require.Empty(t, in)
		require.Zero(t, w.occupied)
	}
}

func requireDue(t *testing.T, w *wheel[int, int], in *[]*entry[int, int], now int64, batch int) {
	t.Helper()
	got := map[*entry[int, int]]bool{}
	for more := true; more; {
		var due []*entry[int, int]
		due, more = w.advance(now, make([]*entry[int, int], 0, batch))
		for _, e := range due {
			if got[e] {
				t.Fatal("taken out twice")
			}
			got[e] = true
		}
	}
	*in = slices.DeleteFunc(*in, func(e *entry[int, int]) bool {
		if got[e] != (e.deadline() <= now) {
			t.Fatalf("deadline %d, now %d, taken out: %v", e.deadline(), now, got[e])
		}
		delete(got, e)
		return e.deadline() <= now
	})
	require.Empty(t, got, "taken out, but never put in, or removed")
}

// TestWheelTakesAllOutWhenASlotBeginsAtTheVeryTick: of the entries of a slot that is moved down, the first are in the
// tick of now before the last have left it.
func TestWheelTakesAllOutWhenASlotBeginsAtTheVeryTick(t *testing.T) {
	for level := 1; level < wheelLevels; level++ {
		start := int64(1)<<(tickBits+level*levelBits) - never
		w := wheel[int, int]{}
		var in []*entry[int, int]
		for i := range 10 {
			e := new(entry[int, int])
			e.life.Store(lifeOf(start + int64(i%3)))
			w.insert(e)
			in = append(in, e)
		}
		requireDue(t, &w, &in, start+1, 3)
		require.Len(t, in, 3)
		requireDue(t, &w, &in, start+2, 3)
	}
}

// TestWheelPassCostsWhatExpires: what is not due is moved once per level at most, on its way down.
func TestWheelPassCostsWhatExpires(t *testing.T) {
	const n, hours = 10_000, 10
	w := wheel[int, int]{}
	for i := range n {
		e := new(entry[int, int])
		e.life.Store(lifeOf(int64(time.Hour) * hours * int64(i) / n))
		w.insert(e)
	}
	moves := 0
	for now := int64(0); now <= int64(time.Hour)*hours; now += int64(time.Second) {
		for more := true; more; moves++ {
			_, more = w.advance(now, make([]*entry[int, int], 0, 1)) // moves one entry, at most
		}
		moves-- // the last one of each pass moves nothing
	}
	require.Zero(t, w.occupied)
	require.LessOrEqual(t, moves, n*wheelLevels)
}

func TestEntriesAreOneCacheLine(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) == 8 {
		require.Equal(t, uintptr(64), unsafe.Sizeof(entry[string, *int]{}))
	}
}

// TestLoadsTakeNoLockOfTheAgenda: with all its locks held, loads of what has not expired come back.
func TestLoadsTakeNoLockOfTheAgenda(t *testing.T) {
	for _, options := range [][]Option{
		{WithLifetime(Lifetime{TTL: time.Hour})},
		{WithLifetime(Lifetime{Idle: time.Hour})},
		{WithMaxEntries(100, Evict), WithLifetime(Lifetime{TTL: time.Hour})},
	} {
		m := New[int, int](options...)
		for i := range 100 {
			require.NoError(t, m.Store(i, i))
		}
		for _, s := range m.stripes() {
			s.mu.Lock()
		}
		for i := range 100 {
			_, ok := m.Load(i)
			require.True(t, ok)
			_, loaded, err := m.LoadOrStore(i, 0)
			require.True(t, loaded)
			require.NoError(t, err)
		}
		require.Equal(t, 100, m.Snapshot().Len())
	}
}

// TestALoadThatIsLateDoesNotReviveWhatWasFoundExpired: it has read the clock before the deadline.
func TestALoadThatIsLateDoesNotReviveWhatWasFoundExpired(t *testing.T) {
	e := &entry[int, int]{more: &more{idle: 100, end: never}}
	e.life.Store(lifeOf(100))
	require.True(t, e.slide(99))
	require.Equal(t, int64(199), e.deadline())
	require.False(t, e.expired(198))
	require.True(t, e.expired(199))
	require.False(t, e.slide(198))
	require.True(t, e.expired(199))
}

// TestWhatLeftBeforeItWasScheduledStaysOffTheAgenda: it left between its coming into the map and onto the agenda.
func TestWhatLeftBeforeItWasScheduledStaysOffTheAgenda(t *testing.T) {
	m := New[int, int](WithLifetime(Lifetime{TTL: time.Hour}), WithMaxEntries(50, Evict))
	e := m.newEntry(1, 1, Lifetime{}, m.now())
	m.reschedule(e, nil)
	m.reschedule(nil, e)
	requireAgendaOf(t, m)
}

// TestNothingStaysOnTheAgendaOfWhatHasLeft: neither what was deleted nor what was replaced waits for its deadline.
func TestNothingStaysOnTheAgendaOfWhatHasLeft(t *testing.T) {
	m := New[int, int](WithLifetime(Lifetime{TTL: time.Hour}), WithMaxEntries(50, Evict))
	for i := range 10_000 {
		require.NoError(t, m.Store(i%70, i))
		m.Delete(i % 11)
		m.CompareAndSwap(i%13, i-1, i)
	}
	requireAgendaOf(t, m)
	m.Clear()
	requireAgendaOf(t, m)
}

// requireAgendaOf checks that all entries of a map that evicts are on its agenda, and nothing else.
func requireAgendaOf(t *testing.T, m *Map[int, int]) {
	t.Helper()
	inWheel, inRing := 0, 0
	for _, s := range m.stripes() {
		inRing += len(s.ring.entries)
		for _, level := range s.wheel.slots {
			for slot := 0; level != nil && slot < slotsPerLevel; slot++ {
				for e := level[slot]; e != nil; e = e.next {
					inWheel++
				}
			}
		}
	}
	require.Equal(t, m.Len(), inWheel)
	require.Equal(t, m.Len(), inRing)
	require.Equal(t, int64(m.Len()), m.taken.Load())
}
