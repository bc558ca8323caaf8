package run

import (
	"errors"
	"io"
	"math"
	"slices"
	"time"

	"github.com/shardmap-go/shardmap/bench/trace"
)

// What can be demanded of a map that a trace is replayed on? Goroutines do not meet in the same order again, so what an
// operation finds follows from the trace only where no other goroutine has a say:
//
//   - A key that nobody writes is there, or is not, as it was at the start, for everybody.
//   - A key that one goroutine writes is known to that goroutine at every step: whether it is there, and which value it has. So is
//     its state at the end. Others know no more than whether it is there if that never changes.
//   - Of a key that several goroutines write, it is known at the end whether it is there if none of them deletes it, or none
//     stores it. Else any order of the operations would be right.
//
// All of that is worked out once, before the replay, by going through the tracks with a model of the map. It depends
// neither on what was found in the recording nor on times. In the trace of one goroutine every outcome is known, and is
// the one that was recorded, if all that was done to the map was recorded; [Replay.Contradictions] says whether it is. What an
// operation did is taken from the trace where it depended on a value, as values are not recorded:
//
//	Compute           Update, LoadAndDelete or Load, as its callback set, removed or kept the entry
//	LoadOrCompute     LoadOrStore; Load if it ended in an error
//	CompareAndSwap    Store if it swapped, else Load
//	CompareAndDelete  Delete if it deleted, else Load
//	Swap              Swap, or else Update, by strategies that have none
//	LoadAndDelete     LoadAndDelete, or else Load and Delete
//	Clear             Range and Delete, as strategies have no Clear
//	Range             Range over as many entries
//
// In addition, at the end of a replay nobody writes, so that Load, Len and Range must agree on which entries are there, and each
// entry must have a value that was made for its key.

// A step is an operation of a replay, and what is demanded of it.
type step struct {
	key     uint32    // number of the key; of a walk, how many entries it visits
	version uint32    // of the value that it stores, or that it must find; of a walk and a length, the count that is demanded
	does    operation // one of load, store, loadOrStore, remove, loadAndDelete, swap, increment (an Update), walk
	special special
	demand  demand
}

// A special is what operation has no name for.
type special uint8

const (
	ordinary special = iota
	length           // Len
	clearing         // Clear
)

// A demand is what is demanded of a step.
type demand uint8

const (
	known demand = 1 << iota // whether the key is there: present says it; of a walk or a length, the count
	present
	exact // the version that it finds
)

// A replayTrack is what one goroutine of the replay does.
type replayTrack struct {
	steps []step
	at    []time.Duration // when they began
	id    uint32
}

// A keyPlan is what is known of a key.
type keyPlan struct {
	length  uint32
	writer  int32 // index of the only track that writes it, or nobody or several
	start   bool
	stores  bool // somebody may store it
	deletes bool // somebody may delete it
	// While going through the writer's track, and then at the end:
	present bool
	version uint32
}

const (
	nobody  = -1
	several = -2
)

// certain tells whether it is known for everybody whether the key is there, at all times.
func (k *keyPlan) certain() bool { return k.start && !k.deletes || !k.start && !k.stores }

// NewReplay reads a whole trace, which is given the name in results. The error says what is wrong with it. It takes 24 bytes of memory for each operation,
// and some 100 for each key; while it reads, twice that.
func NewReplay(name string, r *trace.Reader) (*Replay, error) {
	p := &Replay{name: name, header: r.Header()}
	numbers := map[uint64]uint32{}
	tracks := map[uint32][]trace.Op{}
	for {
		b, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, op := range b.Ops {
			p.number(&op, numbers)
			if op.Kind != trace.Start {
				tracks[b.Track] = append(tracks[b.Track], op)
				p.operations++
			}
		}
	}
	if p.operations == 0 {
		return nil, errors.New("run: NewReplay: there are no operations in the trace")
	}
	p.lost = r.Lost()
	p.plan(tracks)
	return p, nil
}

// number gives the operation's key its number instead of its identity.
func (p *Replay) number(op *trace.Op, numbers map[uint64]uint32) {
	if !op.Kind.HasKey() {
		return
	}
	n, ok := numbers[op.Key]
	if !ok {
		n = uint32(len(p.keys))
		numbers[op.Key] = n
		p.keys = append(p.keys, keyPlan{length: op.Length, writer: nobody})
	}
	op.Key = uint64(n)
	if op.Kind == trace.Start {
		p.starts++
		p.keys[n].start = true
	}
}

// plan works out what is done, and what is demanded.
func (p *Replay) plan(tracks map[uint32][]trace.Op) {
	ids := make([]uint32, 0, len(tracks))
	for id := range tracks {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	clears := false
	for _, id := range ids {
		for _, op := range tracks[id] {
			p.note(op)
			clears = clears || op.Kind == trace.Clear
		}
	}
	for i := range p.keys {
		k := &p.keys[i]
		k.deletes = k.deletes || clears
		k.present, k.version = k.start, 1
	}
	for i, id := range ids {
		for _, op := range tracks[id] {
			p.own(op, int32(i))
		}
	}
	first := time.Duration(math.MaxInt64)
	p.single = len(ids) == 1
	p.entries = p.starts
	for i, id := range ids {
		t := p.planTrack(tracks[id], int32(i))
		t.id = id
		delete(tracks, id) // its memory is of no more use
		p.tracks = append(p.tracks, t)
		first = min(first, slices.Min(t.at))
	}
	for _, t := range p.tracks {
		for i := range t.at {
			t.at[i] -= first
			p.length = max(p.length, t.at[i])
		}
	}
}

// translate returns what a replay does instead of an operation of the trace.
func translate(op trace.Op) operation {
	switch op.Kind {
	case trace.Store:
		return store
	case trace.LoadOrStore:
		return loadOrStore
	case trace.LoadAndDelete:
		return loadAndDelete
	case trace.Delete:
		return remove
	case trace.Swap:
		return swap
	case trace.CompareAndSwap:
		if op.Outcome&trace.Stored != 0 {
			return store
		}
	case trace.CompareAndDelete:
		if op.Outcome&trace.Deleted != 0 {
			return remove
		}
	case trace.Compute:
		switch {
		case op.Outcome&trace.Stored != 0:
			return increment
		case op.Outcome&trace.Deleted != 0:
			return loadAndDelete
		}
	case trace.LoadOrCompute:
		if op.Outcome != 0 {
			return loadOrStore
		}
	case trace.Range, trace.Len, trace.Clear:
		return walk
	}
	return load
}

// note takes down what an operation may do to its key.
func (p *Replay) note(op trace.Op) {
	if !op.Kind.HasKey() || op.Kind == trace.Start {
		return
	}
	k := &p.keys[op.Key]
	switch translate(op) {
	case store, loadOrStore, swap, increment:
		k.stores = true
	case remove, loadAndDelete:
		k.deletes = true
	}
}

// own takes down who writes the operation's key. What cannot change anything, as the key is certain to be there or not, is no
// write.
func (p *Replay) own(op trace.Op, track int32) {
	if op.Kind == trace.Clear {
		for i := range p.keys {
			p.keys[i].own(track)
		}
	}
	if !op.Kind.HasKey() || op.Kind == trace.Start {
		return
	}
	k := &p.keys[op.Key]
	switch translate(op) {
	case store, swap, increment:
		k.own(track)
	case loadOrStore, remove, loadAndDelete:
		if !k.certain() {
			k.own(track)
		}
	}
}

func (k *keyPlan) own(track int32) {
	if k.writer == nobody || k.writer == track {
		k.writer = track
	} else {
		k.writer = several
	}
}
