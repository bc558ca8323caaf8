package run

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/bench/record"
	"github.com/shardmap-go/shardmap/bench/strategy"
	"github.com/shardmap-go/shardmap/bench/trace"
)

// replaySeed returns the seed of a randomised test and prints it, so that a failure can be had again with
// SHARDMAP_SEED=<seed> go test -run <test>.
func replaySeed(t *testing.T) uint64 {
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

// A recording is a program that is being recorded.
type recording struct {
	file bytes.Buffer
	rec  *record.Recorder
	m    *record.Recorded[string, int]
}

func newRecording(inner *shardmap.Map[string, int]) *recording {
	r := new(recording)
	r.rec = record.New(&r.file, record.Options{Block: true})
	r.m = record.Map(r.rec, shardmap.ConcurrentMap[string, int](inner))
	return r
}

func (r *recording) replay(t *testing.T) *Replay {
	t.Helper()
	if err := r.rec.Close(); err != nil {
		t.Fatal(err)
	}
	reader, err := trace.NewReader(&r.file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewReplay("test", reader)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// randomOperation does anything to the map.
func randomOperation(rng *rand.Rand, m *record.Recorded[string, int], key string, whole bool) {
	switch n := rng.IntN(40); {
	case n < 12:
		m.Load(key)
	case n < 16:
		m.Store(key, rng.IntN(3))
	case n < 20:
		m.LoadOrStore(key, 1)
	case n < 22:
		m.LoadAndDelete(key)
	case n < 24:
		m.Delete(key)
	case n < 26:
		m.Swap(key, 2)
	case n < 28:
		m.CompareAndSwap(key, 1, 2)
	case n < 30:
		m.CompareAndDelete(key, 1)
	case n < 34:
		m.Compute(key, func(old int, _ bool) (int, shardmap.Op) { return old + 1, shardmap.Op(n % 3) })
	case n < 36:
		_, _, _ = m.LoadOrCompute(key, func() (int, error) { return n, []error{nil, os.ErrExist}[n-34] })
	case !whole:
	case n < 37:
		limit := rng.IntN(30)
		for range m.All() {
			if limit--; limit < 0 {
				break
			}
		}
	case n < 38:
		m.Len()
	case n < 39:
		m.DeleteFunc(func(key string, _ int) bool { return key < "2" })
	case rng.IntN(10) == 0:
		m.Clear()
	}
}

func rightOnes(t *testing.T) []strategy.Strategy {
	t.Helper()
	right, err := strategy.Named("Map,RWMap,AtomicMap,RWMutex:16,sync.Map,concurrent-map")
	if err != nil {
		t.Fatal(err)
	}
	return right
}

// expectReplayed demands that everything went well, in every round.
func expectReplayed(t *testing.T, r *Result, operations int) {
	t.Helper()
	for _, s := range r.Strategies {
		if !s.Measured() {
			t.Errorf("%s: %q %q", s.Name, s.Excluded, s.Disqualified)
		}
		for _, round := range s.Rounds {
			if round.Operations != int64(operations) || round.Samples > round.Operations || round.Seconds <= 0 {
				t.Errorf("%s: %+v, want %d operations", s.Name, round, operations)
			}
		}
	}
}

// In the trace of one goroutine everything is known: what was recorded is what the model says, which is what every map that
// is right does in the replay, up to the content at the end.
func TestReplayOfOneGoroutineIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(replaySeed(t), 0))
	for range 6 {
		inner := shardmap.New[string, int]()
		for i := range rng.IntN(20) {
			inner.Store(strconv.Itoa(i*7), i)
		}
		r := newRecording(inner)
		m := r.m.Goroutine()
		for range 1 + rng.IntN(1500) {
			randomOperation(rng, m, strconv.Itoa(rng.IntN(80)), true)
		}
		m.Len()
		p := r.replay(t)
		there := 0
		for _, k := range p.keys {
			switch d := k.ending(); {
			case d&known == 0 || d&exact == 0:
				t.Fatal("there is a key of which not everything is known")
			case d&present != 0:
				there++
			}
		}
		if p.Contradictions() != 0 || there != inner.Len() {
			t.Fatalf("%d contradictions, %d entries at the end, want %d", p.Contradictions(), there, inner.Len())
		}
		expectReplayed(t, p.Run(t.Context(), rightOnes(t), 0, Options{Rounds: 1, Seed: 1}), p.operations)
	}
}

// Of many goroutines, what the model claims to know must be true of the map that was recorded, and of every right map.
func TestReplayOfManyGoroutinesDemandsOnlyWhatIsCertain(t *testing.T) {
	const goroutines, keys, each = 6, 255, 600
	seed := replaySeed(t)
	for round := range 4 {
		inner := shardmap.New[string, int]()
		for i := range keys / 2 {
			inner.Store(strconv.Itoa(i), i)
		}
		r := newRecording(inner)
		first := r.m.Goroutine()
		for i := range 2 * keys { // all keys in their order, in the first buffer: that is how they are numbered
			first.Load(strconv.Itoa(i % keys))
		}
		first.Release()
		var all sync.WaitGroup
		for g := range goroutines {
			mine := r.m.Goroutine()
			all.Go(func() {
				rng := rand.New(rand.NewPCG(seed, uint64(round*goroutines+g)))
				for range each {
					key := rng.IntN(keys)
					switch {
					case key%5 == 0:
						mine.Load(strconv.Itoa(key)) // nobody writes these
					case key%5 == 1:
						mine.Store(strconv.Itoa(key), g) // nobody deletes these
					case key%5 == 2 && g%2 == 0:
						mine.LoadAndDelete(strconv.Itoa(key)) // nobody stores these
					case key%5 == 3 && key%goroutines == g:
						randomOperation(rng, mine, strconv.Itoa(key), round%2 == 0) // one goroutine writes these
					case key%5 == 4:
						randomOperation(rng, mine, strconv.Itoa(key), false)
					default:
						mine.Len()
					}
				}
			})
		}
		all.Wait()
		p := r.replay(t)
		certain := [5]int{}
		numbers := numbering(t, p, inner, keys)
		for i, n := range numbers {
			d := p.keys[n].ending()
			_, ok := inner.Load(strconv.Itoa(i))
			if d&known != 0 {
				certain[i%5]++
				if ok != (d&present != 0) {
					t.Errorf("key %d: there %v, but the model says %v", i, ok, !ok)
				}
			}
		}
		if round%2 == 1 && (certain[0] != 51 || certain[1] != 51 || certain[2] != 51 || certain[3] != 51) {
			t.Errorf("of 51 keys each, %v are certain", certain)
		}
		if p.Contradictions() != 0 {
			t.Errorf("%d contradictions", p.Contradictions())
		}
		expectReplayed(t, p.Run(t.Context(), rightOnes(t), 0, Options{Rounds: 1, Seed: 1}), p.operations)
	}
}

// numbering returns the number that each key has in the replay. The keys of the start come first, in no order, and are told by
// their own first Load; so the first track's steps have the numbers.
func numbering(t *testing.T, p *Replay, inner *shardmap.Map[string, int], keys int) []uint32 {
	t.Helper()
	var numbers []uint32
	for _, track := range p.tracks {
		if int(track.id) == p.header.Shared { // that of the first handle
			for _, s := range track.steps[:keys] {
				numbers = append(numbers, s.key)
			}
		}
	}
	if len(numbers) != keys {
		t.Fatalf("%d keys, want %d", len(numbers), keys)
	}
	return numbers
}

func TestReplayAtTheRecordedTimesTakesNoLessThanTheRecording(t *testing.T) {
	var file bytes.Buffer
	w, err := trace.NewWriter(&file, trace.Header{Keys: "int", Values: "triple", Sample: 1, Procs: 1})
	if err != nil {
		t.Fatal(err)
	}
	for track := range uint32(3) {
		b := trace.Block{Track: track}
		for i := range 20 {
			b.Ops = append(b.Ops, trace.Op{Kind: trace.Store, Outcome: trace.Stored, Key: uint64(i), At: time.Hour + time.Duration(i)*2*time.Millisecond})
		}
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	reader, err := trace.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewReplay("paced", reader)
	if err != nil {
		t.Fatal(err)
	}
	for speed, least := range map[float64]time.Duration{1: 38 * time.Millisecond, 2: 19 * time.Millisecond} {
		r := p.Run(t.Context(), rightOnes(t), speed, Options{Rounds: 1})
		expectReplayed(t, r, 60)
		round := r.Strategies[0].Rounds[0]
		if round.Seconds < least.Seconds() || round.Samples != 60 || !r.Workload.Paced() || r.Goroutines != 3 {
			t.Errorf("speed %v: %+v, %+v", speed, round, r.Workload)
		}
	}
}

func TestReplayStopsWhenItIsInterrupted(t *testing.T) {
	r := newRecording(shardmap.New[string, int]())
	for range 100 {
		r.m.Len()
	}
	p := r.replay(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := p.Run(ctx, rightOnes(t), 0, Options{Rounds: 3}); len(r.Strategies[0].Rounds) > 0 || len(r.Strategies) != len(rightOnes(t)) {
		t.Errorf("%+v", r)
	}
}

func TestReplayRefusesWhatIsNoTrace(t *testing.T) {
	r := newRecording(shardmap.New[string, int]())
	if err := r.rec.Close(); err != nil {
		t.Fatal(err)
	}
	empty := r.file.Bytes()
	for want, file := range map[string][]byte{
		"run: NewReplay: there are no operations in the trace":                  empty,
		"trace: offset %d: the file ends before the trace does: unexpected EOF": empty[:len(empty)-1],
	} {
		reader, err := trace.NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(want, "%d") {
			want = fmt.Sprintf(want, len(empty)-8) // where the last block begins
		}
		if _, err := NewReplay("test", reader); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	defer func() {
		if got := recover(); got != "run: Replay.Run: speed -1: want 0 for full speed, or more" {
			t.Error(got)
		}
	}()
	new(Replay).Run(t.Context(), nil, -1, Options{})
}
