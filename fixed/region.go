package fixed

import (
	"math/bits"
	"sync"
)

// A region is the part of the slots that a shard takes from first. It knows which of them are free, by two bitmaps:
// one bit for each slot, and one for each word of the former, so that a free slot is found by looking at a 4096th of
// as many bits.
type region struct {
	mu    sync.Mutex
	first uint32   // the region's first slot
	size  int      // the number of its slots
	free  int      // guarded by mu: how many of them are free
	slots []uint64 // guarded by mu: bit i%64 of word i/64 is set if slot first+i is free
	words []uint64 // guarded by mu: bit w%64 of word w/64 is set if slots[w] is not 0
}

// init makes a region of the slots from first to end-1, all free.
func (r *region) init(first, end int) {
	r.first, r.size = uint32(first), end-first
	r.slots = make([]uint64, ceilDiv(r.size, 64))
	r.words = make([]uint64, ceilDiv(len(r.slots), 64))
	r.resetLocked()
}

// resetLocked makes all slots free.
func (r *region) resetLocked() {
	r.free = r.size
	setBits(r.slots, r.size)
	setBits(r.words, len(r.slots))
}

// take returns a slot that is free no more, unless none is free.
func (r *region) take() (slot uint32, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.takeLocked()
}

func (r *region) takeLocked() (slot uint32, ok bool) {
	for i, words := range r.words {
		if words == 0 {
			continue
		}
		w := 64*i + bits.TrailingZeros64(words)
		bit := bits.TrailingZeros64(r.slots[w])
		if r.slots[w] &^= 1 << bit; r.slots[w] == 0 {
			r.words[i] &^= 1 << (w % 64)
		}
		r.free--
		return r.first + uint32(64*w+bit), true
	}
	return 0, false
}

// give makes slot free, which is one of the region's and was taken.
func (r *region) give(slot uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slot - r.first
	r.slots[i/64] |= 1 << (i % 64)
	r.words[i/4096] |= 1 << (i / 64 % 64)
	r.free++
}

// setBits sets the first n bits of bitmap, which has no more words than those need.
func setBits(bitmap []uint64, n int) {
	for i := range bitmap {
		bitmap[i] = ^uint64(0)
		if rest := n - 64*i; rest < 64 {
			bitmap[i] = 1<<rest - 1
		}
	}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
