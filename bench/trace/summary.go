package trace

import (
	"cmp"
	"io"
	"math"
	"slices"
	"time"
)

// A Summary says what is in a trace. What depends on the order of operations on one key – Inserts, Removals and Peak – is
// told from the order in which blocks were written, which is that of each track, and nearly that of all.
type Summary struct {
	Header     Header
	Operations int           // without Start
	Lost       uint64        // that are missing
	Duration   time.Duration // from the beginning of the first operation to that of the last
	Tracks     int           // that have operations
	Goroutines int           // of them that are of goroutines, not of processors

	Kinds    []KindCount // of the kinds that occur, the most frequent first
	Starts   int         // keys that were there at the start
	Keys     int         // different ones, those included
	Used     int         // different ones with operations
	Peak     int         // the greatest number of keys that were there at once
	Inserts  int         // operations that stored a key which was not there
	Removals int         // operations that deleted a key which was there
	Shortest uint32      // key, in bytes
	Median   uint32      // key
	Longest  uint32      // key

	Shares []int // of operations with a key: how many are on each key, the hottest first
}

// A KindCount says how often a kind of operation occurs.
type KindCount struct {
	Kind       Kind
	Operations int
	Told       int // operations of which it is known whether the key was there
	Found      int // operations of those that found it
	Stored     int
	Deleted    int
}

// Summarise reads the whole trace. The error says what is wrong with it. It takes some 100 bytes of memory for each
// key.
func Summarise(r *Reader) (*Summary, error) {
	s := &Summary{Header: r.Header()}
	t := totals{tracks: map[uint32]bool{}, keys: map[uint64]*keyTotals{}, first: math.MaxInt64, last: math.MinInt64}
	for {
		b, err := r.Next()
		if err == io.EOF {
			s.Lost = r.Lost()
			t.complete(s)
			return s, nil
		}
		if err != nil {
			return nil, err
		}
		for _, op := range b.Ops {
			t.add(s, b.Track, op)
		}
	}
}

// totals are what a summary is made of.
type totals struct {
	tracks      map[uint32]bool
	keys        map[uint64]*keyTotals
	kinds       [kinds]KindCount
	entries     int
	first, last time.Duration
}

type keyTotals struct {
	operations int
	length     uint32
	present    bool
}

func (t *totals) add(s *Summary, track uint32, op Op) {
	if op.Kind != Start {
		s.Operations++
		t.tracks[track] = true
		t.first, t.last = min(t.first, op.At), max(t.last, op.At)
		t.kinds[op.Kind].add(op)
	}
	if !op.Kind.HasKey() {
		if op.Kind == Clear {
			for _, k := range t.keys {
				t.set(s, k, false)
			}
		}
		return
	}
	k := t.keys[op.Key]
	if k == nil {
		k = &keyTotals{length: op.Length}
		t.keys[op.Key] = k
	}
	if op.Kind == Start {
		s.Starts++
		k.present = true
		t.entries++
		s.Peak = t.entries
		return
	}
	if k.operations++; k.operations == 1 {
		s.Used++
	}
	switch {
	case op.Outcome&Stored != 0:
		t.set(s, k, true)
	case op.Outcome&Deleted != 0:
		t.set(s, k, false)
	}
}

// set follows which keys are there.
func (t *totals) set(s *Summary, k *keyTotals, present bool) {
	switch {
	case present && !k.present:
		s.Inserts++
		t.entries++
		s.Peak = max(s.Peak, t.entries)
	case !present && k.present:
		s.Removals++
		t.entries--
	}
	k.present = present
}

func (c *KindCount) add(op Op) {
	c.Kind = op.Kind
	c.Operations++
	if op.TellsPresence() {
		c.Told++
		c.Found += int(op.Outcome & Found)
	}
	c.Stored += int(op.Outcome & Stored / Stored)
	c.Deleted += int(op.Outcome & Deleted / Deleted)
}

func (t *totals) complete(s *Summary) {
	s.Keys, s.Tracks = len(t.keys), len(t.tracks)
	for id := range t.tracks {
		if id >= uint32(s.Header.Shared) {
			s.Goroutines++
		}
	}
	if s.Operations > 0 {
		s.Duration = t.last - t.first
	}
	for _, c := range t.kinds {
		if c.Operations > 0 {
			s.Kinds = append(s.Kinds, c)
		}
	}
	slices.SortStableFunc(s.Kinds, func(a, b KindCount) int { return cmp.Compare(b.Operations, a.Operations) })
	var lengths []uint32
	for _, k := range t.keys {
		lengths = append(lengths, k.length)
		if k.operations > 0 {
			s.Shares = append(s.Shares, k.operations)
		}
	}
	slices.SortFunc(s.Shares, func(a, b int) int { return cmp.Compare(b, a) })
	if slices.Sort(lengths); len(lengths) > 0 {
		s.Shortest, s.Median, s.Longest = lengths[0], lengths[len(lengths)/2], lengths[len(lengths)-1]
	}
}

// Of returns how often a kind occurs. It allocates nothing.
func (s *Summary) Of(k Kind) KindCount {
	for _, c := range s.Kinds {
		if c.Kind == k {
			return c
		}
	}
	return KindCount{Kind: k}
}

// Hottest returns which part of the operations on keys are on the hottest of them: on that part of the used keys, rounded
// up to a whole number of them, and on one at least.
func (s *Summary) Hottest(part float64) float64 {
	all, hot := 0, 0
	n := max(1, int(math.Ceil(part*float64(len(s.Shares)))))
	for i, share := range s.Shares {
		all += share
		if i < n {
			hot += share
		}
	}
	if all == 0 {
		return 0
	}
	return float64(hot) / float64(all)
}

// Skew returns for which exponent s the choice of the key of rank r in proportion to 1/r^s, among so many keys, makes two
// operations meet on one key as often as they do in the trace: 0 if keys are chosen evenly. It counts pairs, rather than
// look how shares fall off, because shares put in order fall off by chance alone.
func (s *Summary) Skew(keys int) float64 {
	total, pairs := 0.0, 0.0
	for _, share := range s.Shares {
		c := float64(share)
		total += c
		pairs += c * (c - 1)
	}
	if total < 2 || keys < 2 {
		return 0
	}
	met := pairs / (total * (total - 1))
	low, high := 0.0, 10.0
	for range 40 { // to a precision that no trace has
		middle := (low + high) / 2
		if meeting(middle, keys) < met {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// meeting returns the probability that two choices are of the same key. Of more than some thousand keys it adds up these, and
// the integral of the rest.
func meeting(skew float64, keys int) float64 {
	h := func(s float64) float64 {
		const most = 1 << 12
		sum := 0.0
		for r := 1; r <= min(keys, most); r++ {
			sum += math.Pow(float64(r), -s)
		}
		if keys > most {
			a, b := float64(most)+0.5, float64(keys)+0.5
			if math.Abs(s-1) < 1e-9 {
				return sum + math.Log(b/a)
			}
			sum += (math.Pow(b, 1-s) - math.Pow(a, 1-s)) / (1 - s)
		}
		return sum
	}
	return h(2*skew) / (h(skew) * h(skew))
}
