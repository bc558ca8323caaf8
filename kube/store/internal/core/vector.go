package core

import "slices"

// A vector is a sequence of elements, of which it hands out a view, as of one instant, in constant time.
//
// The elements lie in pages. Freezing hands out the pages and begins a new epoch: what is of an older epoch than the
// vector – a page, or the list of the pages – is shared with some view and is never written again, but copied before the
// first write. A page is written only in the epoch in which it was made, and making one makes the list of the pages one of
// the same epoch; so a page that may be written is always in a list that may be.
type vector[T any] struct {
	pages []*page[T]
	len   int
	epoch uint64
	owned uint64 // the epoch of the list of the pages
}

// pageSize is the number of elements in a full page. What a view costs is one copy of each page that is written after it,
// 3 KiB for objects, and one copy of the list of the pages, 8 bytes for each. Chosen by hand: of twice the size a copy takes
// twice as long, of half the size the list does.
const pageSize = 128

type page[T any] struct {
	epoch    uint64
	elements []T
}

func (v *vector[T]) at(i int) T { return v.pages[i/pageSize].elements[i%pageSize] }

func (v *vector[T]) set(i int, e T) { v.writable(i / pageSize).elements[i%pageSize] = e }

// push appends an element.
func (v *vector[T]) push(e T) {
	n := v.len / pageSize
	if n == len(v.pages) {
		v.own()
		v.pages = append(v.pages, &page[T]{epoch: v.epoch})
	}
	p := v.writable(n)
	if len(p.elements) == cap(p.elements) {
		room := pageSize
		if n == 0 { // most vectors are short
			room = min(max(1, 2*cap(p.elements)), pageSize)
		}
		p.elements = append(make([]T, 0, room), p.elements...)
	}
	p.elements = append(p.elements, e)
	v.len++
}

// pop removes the last element.
func (v *vector[T]) pop() {
	v.len--
	n, i := v.len/pageSize, v.len%pageSize
	p := v.writable(n)
	clear(p.elements[i:])
	if p.elements = p.elements[:i]; i == 0 {
		v.pages[n] = nil
		v.pages = v.pages[:n]
	}
}

// writable returns the page with number n, which is replaced by a copy of its own if it is shared with a view.
func (v *vector[T]) writable(n int) *page[T] {
	p := v.pages[n]
	if p.epoch != v.epoch {
		v.own()
		p = &page[T]{v.epoch, append(make([]T, 0, cap(p.elements)), p.elements...)}
		v.pages[n] = p
	}
	return p
}

// own makes the list of the pages one that is not shared with a view.
func (v *vector[T]) own() {
	if v.owned != v.epoch {
		v.pages, v.owned = slices.Clone(v.pages), v.epoch
	}
}

// freeze returns a view of what is in the vector now.
func (v *vector[T]) freeze() view[T] {
	v.epoch++
	return view[T]{v.pages, v.len}
}

// A view is the content of a vector at one instant. It never changes.
type view[T any] struct {
	pages []*page[T]
	len   int
}

func (v view[T]) at(i int) T { return v.pages[i/pageSize].elements[i%pageSize] }

// all calls yield with each element until yield returns false.
func (v view[T]) all(yield func(e T) bool) {
	for _, p := range v.pages {
		for _, e := range p.elements {
			if !yield(e) {
				return
			}
		}
	}
}
