package record

import (
	"bufio"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shardmap-go/shardmap/bench/trace"
)

// How a recorder keeps out of the program's way. Each track – of a goroutine that has a handle, or of a processor – has a
// buffer of its own, which operations are appended to under the track's lock; that lock is hardly ever waited for, as
// nobody else wants it. A full buffer is exchanged for a spare one, and sent through a channel to the one goroutine that
// encodes and writes. Sending never waits: who sends a buffer has taken a spare one for it, so there are never more of
// them in the channel than there were spare ones, and it has room for these. Whether there is a spare is asked without
// waiting, too. If there is none, the operation is not recorded, but counted.
//
// A track of a processor is found through a sync.Pool, which keeps what it is given for the processor that gave it. The
// pool holds tracks as hints only: it may lose them, or hand one to two processors. That costs some waiting for the lock,
// or a sequence that is spread over two tracks, but no operation.

// Options say how to record. The zero value is ready to use.
type Options struct {
	Sample int  // record the operations on one of so many keys only, chosen by chance, but all of these; 0 for all
	Memory int  // bytes of the buffers that wait to be written, besides one of 6 KB for each track; 0 for 4 MB
	Block  bool // let the program wait for the writer, rather than lose operations
}

// bufferOps is how many operations a buffer holds: enough for locks and channels not to count, and 6 KB.
const (
	bufferOps     = 256
	bufferBytes   = bufferOps * 24
	defaultMemory = 4 << 20
)

// A Recorder writes a trace of what is done to one map. Its methods are safe for use by any number of goroutines.
type Recorder struct {
	out     *bufio.Writer
	options Options
	seed    maphash.Seed // the secret
	start   time.Time

	wrapped atomic.Bool // there is a map
	near    sync.Pool   // of *track: that of the processor, most of the time
	next    atomic.Uint32
	shared  []*track

	mu     sync.Mutex // of the tracks, and of closing
	tracks []*track   // all
	free   []*track   // of handles that were released
	closed bool

	full  chan *buffer // to be written
	spare chan *buffer // to be filled
	done  chan struct{}
	lost  atomic.Uint64
	err   atomic.Pointer[error] // the first one of the writer
}

// A track is a sequence of operations.
type track struct {
	mu     sync.Mutex
	id     uint32
	lost   uint64  // since the buffer was begun: they come before what the next buffer has
	buffer *buffer // nil once the recorder is closed
	_      [64]byte
}

type buffer struct {
	track uint32
	lost  uint64 // before the first operation
	n     int
	ops   [bufferOps]trace.Op
}

// New returns a recorder that writes to w, once it has a map: see [Map], [SyncMap] and [SmallMap]. One goroutine writes, from
// then until [Recorder.Close]. New panics if an option is negative.
func New(w io.Writer, o Options) *Recorder {
	switch {
	case o.Sample < 0:
		panic(fmt.Sprintf("record: Options.Sample %d: want 1 of at least 1 keys", o.Sample))
	case o.Memory < 0:
		panic(fmt.Sprintf("record: Options.Memory %d: want at least 0 bytes", o.Memory))
	}
	if o.Sample == 0 {
		o.Sample = 1
	}
	if o.Memory == 0 {
		o.Memory = defaultMemory
	}
	return &Recorder{out: bufio.NewWriterSize(w, 1<<16), options: o, seed: maphash.MakeSeed()}
}

// begin begins the trace of a map with keys of type K and values of type V.
func begin[K comparable, V any](r *Recorder) {
	if r.wrapped.Swap(true) {
		panic("record: Map: the recorder has a map already, and a trace is of one")
	}
	procs := runtime.GOMAXPROCS(0)
	r.start = time.Now()
	r.done = make(chan struct{})
	r.spare = make(chan *buffer, max(1, r.options.Memory/bufferBytes))
	r.full = make(chan *buffer, cap(r.spare))
	for range cap(r.spare) {
		r.spare <- nil // made when it is needed
	}
	for range procs {
		r.shared = append(r.shared, r.newTrack())
	}
	keys := reflect.TypeFor[K]()
	go r.write(trace.Header{
		Keys: classOfKeys(keys), KeyType: keys.String(), Values: classOfValues(reflect.TypeFor[V]()),
		Sample: r.options.Sample, Shared: procs, Procs: procs, Date: r.start.UTC().Truncate(time.Second),
	})
}

// write is the goroutine that writes. After an error it goes on, but only counts what is lost.
func (r *Recorder) write(h trace.Header) {
	defer close(r.done)
	w, err := trace.NewWriter(r.out, h)
	for b := range r.full {
		if err == nil {
			err = w.Write(trace.Block{Track: b.track, Lost: b.lost, Ops: b.ops[:b.n]})
		}
		if err != nil {
			r.lost.Add(uint64(b.n))
			r.fail(err)
		}
		b.n, b.lost = 0, 0
		select {
		case r.spare <- b:
		default: // the last one of a track, of which there is no more need
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = r.out.Flush()
	}
	if err != nil {
		r.fail(err)
	}
}

func (r *Recorder) fail(err error) {
	err = fmt.Errorf("record: %w", err)
	r.err.CompareAndSwap(nil, &err)
}

// Err returns the first error of the writer, or nil. It waits for nobody, so that a program can look now and then whether
// its recording is still worth anything. Operations after an error are lost, and counted as such.
func (r *Recorder) Err() error {
	if err := r.err.Load(); err != nil {
		return *err
	}
	return nil
}

// Lost returns how many operations were not recorded because the writer was too slow, or failed. It waits for nobody.
func (r *Recorder) Lost() uint64 { return r.lost.Load() }

// Close writes what is left, ends the trace, and returns the first error there was. It waits for the writer, and for
// nobody else: operations go on, unrecorded. The writer below is not closed. Further calls return the same.
func (r *Recorder) Close() error {
	if !r.wrapped.Load() {
		return errors.New("record: Close: there is no map, so there is no trace")
	}
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		// First all tracks lose their buffers, so that nobody else sends; then sending may wait.
		var last []*buffer
		for _, t := range r.tracks {
			last = append(last, t.close()...)
		}
		for _, b := range last {
			r.full <- b
		}
		close(r.full)
	}
	r.mu.Unlock()
	<-r.done
	return r.Err()
}

// close ends the track, and returns what is left to write of it.
func (t *track) close() []*buffer {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := []*buffer{t.buffer}
	t.buffer = nil
	if t.lost > 0 {
		last = append(last, &buffer{track: t.id, lost: t.lost})
	}
	return last
}

// newTrack returns a new track, or nil if the recorder is closed or there are as many as a trace can have.
func (r *Recorder) newTrack() *track {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	if n := len(r.free); n > 0 {
		t := r.free[n-1]
		r.free = r.free[:n-1]
		return t
	}
	id := uint32(len(r.tracks))
	if id == trace.MaxTracks {
		return nil
	}
	t := &track{id: id, buffer: &buffer{track: id}}
	r.tracks = append(r.tracks, t)
	return t
}

// release makes the track free for another handle.
func (r *Recorder) release(t *track) {
	r.mu.Lock()
	r.free = append(r.free, t)
	r.mu.Unlock()
}

// here returns the track of the processor.
func (r *Recorder) here() *track {
	t, _ := r.near.Get().(*track)
	if t == nil {
		t = r.shared[r.next.Add(1)%uint32(len(r.shared))]
	}
	r.near.Put(t)
	return t
}

// add appends an operation to the track. If there is no room it waits for some, or the operation is lost.
func (r *Recorder) add(t *track, op trace.Op, wait bool) {
	t.mu.Lock()
	b := t.buffer
	if b != nil && b.n == bufferOps {
		b = r.exchange(t, wait)
	}
	if b != nil {
		b.ops[b.n] = op
		b.n++
	}
	t.mu.Unlock()
}

// exchange sends the track's buffer to the writer and gives the track a spare one, which it returns, or nil if there is
// none and it is not to wait: then an operation is lost. The track's lock must be held.
//
// Waiting ends: the writer brings back every buffer that it gets, whatever happens, and needs no lock for that; and as the
// tracks hold none of the spare ones, all that are missing are on their way to it.
func (r *Recorder) exchange(t *track, wait bool) *buffer {
	var b *buffer
	select {
	case b = <-r.spare:
	default:
		if !wait {
			t.lost++
			r.lost.Add(1)
			return nil
		}
		b = <-r.spare
	}
	if b == nil {
		b = new(buffer)
	}
	b.track, b.lost = t.id, t.lost
	t.lost = 0
	r.full <- t.buffer
	t.buffer = b
	return b
}
