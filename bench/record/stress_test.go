package record

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/bench/trace"
)

// Recorders under many goroutines, best with -race. The properties:
//
//  1. With Options.Block, every operation is recorded exactly once.
//  2. The track of a handle has the operations of its goroutine, in their order; after those of the goroutines that
//     released it before.
//  3. Without Block, a program is never blocked by the writer, and each operation is either recorded or counted as lost. The
//     trace says so, too, and is whole.
//  4. When the writer fails, the program goes on, with and without Block; Err and Close return the error, and what
//     was written is refused as cut off.
//  5. Close during operations ends the trace with a prefix of each goroutine's operations.

// A call is what a goroutine knows of its operation.
type call struct {
	kind    trace.Kind
	outcome trace.Outcome
}

func TestRaceEveryGoroutineHasItsTrack(t *testing.T) { // properties 1 and 2
	seed := testSeed(t)
	var file bytes.Buffer
	r := New(&file, Options{Block: true, Memory: 4 * bufferBytes})
	m := Map(r, shardmap.New[string, int]())
	want := map[uint32][]call{}
	unnamed := atomic.Int64{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for g := range 24 {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(g)))
			for range 5 {
				if g%4 == 0 { // without a handle
					for range 300 {
						randomCall(rng, m, "shared")
						unnamed.Add(1)
					}
					continue
				}
				mine := m.Goroutine()
				var calls []call
				for range 300 {
					kind, outcome, _ := randomCall(rng, mine, string(rune('a'+rng.IntN(20))))
					calls = append(calls, call{kind, outcome})
				}
				mu.Lock()
				want[mine.track.id] = append(want[mine.track.id], calls...)
				mu.Unlock()
				mine.Release()
				mine.Release() // does nothing
			}
		})
	}
	all.Wait()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	tracks, reader := readTracks(t, &file)
	if reader.Lost() != 0 || r.Lost() != 0 {
		t.Errorf("%d and %d lost", reader.Lost(), r.Lost())
	}
	shared := 0
	for id, ops := range tracks {
		if id < uint32(reader.Header().Shared) {
			shared += len(ops)
			continue
		}
		var got []call
		for _, op := range ops {
			got = append(got, call{op.Kind, op.Outcome})
		}
		if !slices.Equal(got, want[id]) {
			t.Errorf("track %d has %d operations, want %d, or they are in another order", id, len(got), len(want[id]))
		}
		delete(want, id)
	}
	if len(want) > 0 || shared != int(unnamed.Load()) {
		t.Errorf("%d tracks are missing; %d operations of processors, want %d", len(want), shared, unnamed.Load())
	}
	if len(tracks) > reader.Header().Shared+24 {
		t.Errorf("%d tracks for 24 goroutines", len(tracks))
	}
}

// A gate is a writer that takes nothing until it is opened.
type gate struct {
	open chan struct{}
	w    io.Writer
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	return g.w.Write(p)
}

func TestRaceASlowWriterBlocksNobodyAndWhatIsLostIsCounted(t *testing.T) { // property 3
	const goroutines, each = 8, 20_000
	var file bytes.Buffer
	g := &gate{make(chan struct{}), &file}
	r := New(g, Options{Memory: 8 * bufferBytes})
	m := Map(r, shardmap.New[int, int]())
	var all sync.WaitGroup
	for id := range goroutines {
		all.Go(func() {
			mine := m
			if id%2 == 0 {
				mine = m.Goroutine()
			}
			for i := range each {
				mine.Store(i^id, i) // many different keys, so that the writer comes to the gate
			}
		})
	}
	all.Wait() // although nothing can be written
	if r.Lost() == 0 {
		t.Error("nothing is lost")
	}
	close(g.open)
	for i := range each { // and now that the writer works again, the recording goes on
		m.Load(i)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	_, reader := readTracks(t, &file)
	if reader.Lost() != r.Lost() || reader.Lost()+reader.Operations() != (goroutines+1)*each {
		t.Errorf("%d operations and %d lost, the recorder says %d, want %d together", reader.Operations(), reader.Lost(), r.Lost(), (goroutines+1)*each)
	}
}

// A fullDisk takes so many bytes and no more.
type fullDisk struct {
	room int
	file bytes.Buffer
}

var errFull = errors.New("no space left on device")

func (d *fullDisk) Write(p []byte) (int, error) {
	n := min(d.room-d.file.Len(), len(p))
	d.file.Write(p[:n])
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestRaceAFullDiskDisturbsNobodyAndIsReported(t *testing.T) { // property 4
	for _, block := range []bool{false, true} {
		rooms := []int{0, 10, 1000}
		if block {
			rooms = append(rooms, 100_000) // without, nobody knows how much gets that far
		}
		for _, room := range rooms {
			disk := &fullDisk{room: room}
			r := New(disk, Options{Block: block, Memory: bufferBytes})
			m := SmallMap(r, Small[int, int](shardmap.New[int, int]()))
			var all sync.WaitGroup
			for id := range 4 {
				all.Go(func() {
					mine := m.Goroutine()
					for i := range 10_000 {
						mine.Store(i<<2|id, i)
					}
				})
			}
			all.Wait()
			if err := r.Close(); !errors.Is(err, errFull) || r.Err() != err {
				t.Errorf("room for %d bytes: Close %v, Err %v", room, err, r.Err())
			}
			reader, err := trace.NewReader(&disk.file)
			for err == nil {
				_, err = reader.Next()
			}
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("room for %d bytes: the file is read until %v", room, err)
			}
		}
	}
}

func TestRaceCloseInTheMiddleKeepsAPrefixOfEach(t *testing.T) { // property 5
	seed := testSeed(t)
	for range 20 {
		var file bytes.Buffer
		r := New(&file, Options{Block: true, Memory: 2 * bufferBytes})
		m := Map(r, shardmap.New[string, int]())
		want := map[uint32][]call{}
		var mu sync.Mutex
		var all, half sync.WaitGroup
		half.Add(4)
		for g := range 8 {
			mine := m.Goroutine()
			all.Go(func() {
				rng := rand.New(rand.NewPCG(seed, uint64(g)))
				var calls []call
				for i := range 1000 {
					kind, outcome, _ := randomCall(rng, mine, string(rune('a'+rng.IntN(20))))
					calls = append(calls, call{kind, outcome})
					if i == 500 && g%2 == 0 {
						half.Done()
					}
				}
				mu.Lock()
				want[mine.track.id] = calls
				mu.Unlock()
			})
		}
		half.Wait()
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		all.Wait()
		late := m.Goroutine() // after the end; nothing happens
		late.Store("x", 1)
		late.Release()
		tracks, reader := readTracks(t, &file)
		for id, ops := range tracks {
			for i, op := range ops {
				if i >= len(want[id]) || want[id][i] != (call{op.Kind, op.Outcome}) {
					t.Fatalf("track %d: operation %d is %+v, want one of %d", id, i, op, len(want[id]))
				}
			}
		}
		if reader.Lost() != 0 || reader.Operations() < 4*501 {
			t.Fatalf("%d operations, %d lost", reader.Operations(), reader.Lost())
		}
	}
}
