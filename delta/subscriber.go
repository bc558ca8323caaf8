package delta

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math"
)

var (
	// ErrClosed is returned by the methods of a closed [Subscriber].
	ErrClosed = errors.New("delta: subscriber is closed")

	// ErrUndelivered is returned for an answer to a revision that [Subscriber.Next] has not led to.
	ErrUndelivered = errors.New("not delivered yet")
)

// Subscriber follows a [Set] on behalf of one client. [Subscriber.Next] hands out what is new since what it handed out
// last; [Subscriber.Ack] says that the client has it, [Subscriber.Nack] that it refused it. What no subscriber needs any
// more is dropped from the history (see [WithHistory]).
//
// A subscriber has no queue: however far it lags, it costs a few words, and the next delta takes it to the newest
// revision at once. The revisions that it hands out never go back.
//
// All methods may be called by any number of goroutines. They take the set's mutex, each for a moment.
type Subscriber[K comparable, V any] struct {
	set  *Set[K, V]
	done chan struct{} // closed by Close
	stop func() bool   // ends the watch over the context of Subscribe

	// What follows is guarded by set.mu.
	closed    bool
	at        position
	delivered uint64 // the last revision handed out
	settled   uint64 // answers to earlier revisions change nothing
	has       uint64 // the revision that the client has for sure, or unknown
	holds     uint64 // the history after this revision is kept for this subscriber: has, if there is a history since then
	index     int    // in the set's heap
}

// A position is where Next goes on.
type position struct {
	from uint64 // the revision that the next delta begins with, or unknown
	seen uint64 // it waits until the set is at another one
}

// unknown stands for every revision that the set could not tell the changes from when the client came with it. No set
// gets that far, so that it never becomes one that the set knows, as a number ahead of the set's would some day.
const unknown = math.MaxUint64

// Subscribe returns a subscriber whose client has the content at revision from: 0 if it has nothing, the last revision
// that it got if it comes back. If the set cannot tell the changes since then, the first delta is a resync, as it is
// for a revision that the set has not reached.
//
// The subscriber is closed by [Subscriber.Close], and when ctx is done. Until then it holds back a part of the history.
func (s *Set[K, V]) Subscribe(ctx context.Context, from uint64) *Subscriber[K, V] {
	if ctx == nil {
		panic("delta: Subscribe: context nil: want one")
	}
	sub := &Subscriber[K, V]{set: s, done: make(chan struct{})}
	sub.enter(from)
	sub.stop = context.AfterFunc(ctx, sub.close)
	return sub
}

// enter makes the subscriber one of its set.
func (sub *Subscriber[K, V]) enter(from uint64) {
	s := sub.set
	s.mu.Lock()
	defer s.mu.Unlock()
	sub.holds = from
	if !s.knowsLocked(from) {
		from = unknown
		sub.holds = s.current().revision // it will be given the state of this revision, or of a later one
	}
	sub.has, sub.at = from, position{from, from}
	sub.delivered, sub.settled = sub.holds, sub.holds
	heap.Push(&s.subscribers, sub)
}

// Next waits until the set has a revision that is newer than the one handed out last, and returns the way to it, as
// [Set.Since] does. It returns [ErrClosed] if the subscriber is or gets closed, and the error of ctx if that is done.
//
// The delta begins where the last one ended or, after a [Subscriber.Nack], at the revision that the client has for sure.
// It has no changes if those that were made cancel out; acknowledge it all the same. Of several calls at the same time
// each gets a delta of its own, which make one sequence.
//
// It waits without a lock, and allocates what Since does. If the function of [WithEqual] panics, nothing is lost: the
// next call begins where this one did.
func (sub *Subscriber[K, V]) Next(ctx context.Context) (Delta[K, V], error) {
	for {
		if err := ctx.Err(); err != nil {
			return Delta[K, V]{}, err
		}
		at, w, wake, err := sub.look()
		if err != nil {
			return Delta[K, V]{}, err
		}
		if wake == nil {
			if d := sub.set.net(w); sub.deliver(at, d.To) {
				return d, nil
			}
			continue // another call was faster, or the subscriber was closed
		}
		select {
		case <-wake:
		case <-sub.done:
		case <-ctx.Done():
		}
	}
}

// look returns the subscriber's position and the history since then, or if there is nothing new, a channel that is
// closed when there is.
func (sub *Subscriber[K, V]) look() (at position, w window[K, V], wake <-chan struct{}, err error) {
	s := sub.set
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub.closed {
		return at, w, nil, ErrClosed
	}
	if s.current().revision != sub.at.seen {
		return sub.at, s.windowLocked(sub.at.from), nil, nil
	}
	if s.wake == nil {
		s.wake = make(chan struct{})
	}
	return at, w, s.wake, nil
}

// deliver moves the subscriber from that position on to a revision, and reports whether it still was there.
func (sub *Subscriber[K, V]) deliver(at position, to uint64) bool {
	sub.set.mu.Lock()
	defer sub.set.mu.Unlock()
	if sub.closed || sub.at != at {
		return false
	}
	sub.at = position{to, to}
	sub.delivered = to
	return true
}

// Ack says that the client has what the delta to revision led to, and all before. The history up to there is no longer
// kept for this subscriber. It changes nothing if a later revision has been acknowledged, or if the delta was handed out
// before a [Subscriber.Nack]: it may build on the refused one.
//
// It returns [ErrUndelivered] if Next has not led to revision yet, and [ErrClosed]. It allocates nothing.
func (sub *Subscriber[K, V]) Ack(revision uint64) error {
	return sub.answer("Ack", revision, func() {
		sub.settled, sub.has, sub.holds = revision, revision, revision
		heap.Fix(&sub.set.subscribers, sub.index)
		sub.set.trimLocked()
	})
}

// Nack says that the client refused the delta to revision, and has what it acknowledged last. Next waits for a newer
// revision than those handed out, since the same content would be refused again, and then begins at what the client has.
//
// It changes nothing if that revision, or a later one, was answered already. It returns the errors of [Subscriber.Ack].
// It allocates nothing.
func (sub *Subscriber[K, V]) Nack(revision uint64) error {
	return sub.answer("Nack", revision, func() {
		sub.at.from = sub.has
		sub.settled = sub.delivered + 1
	})
}

// answer calls effect, with the lock held, if an answer to that revision is due.
func (sub *Subscriber[K, V]) answer(method string, revision uint64, effect func()) error {
	sub.set.mu.Lock()
	defer sub.set.mu.Unlock()
	switch {
	case sub.closed:
		return ErrClosed
	case revision > sub.delivered:
		return fmt.Errorf("delta: %s %d: %w: the last revision delivered is %d", method, revision, ErrUndelivered, sub.delivered)
	case revision >= sub.settled:
		effect()
	}
	return nil
}

// Close ends the subscription. A Next that waits returns [ErrClosed]. The history is no longer kept for this subscriber.
// Further calls do nothing.
func (sub *Subscriber[K, V]) Close() {
	sub.stop()
	sub.close()
}

func (sub *Subscriber[K, V]) close() {
	s := sub.set
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub.closed {
		return
	}
	sub.closed = true
	close(sub.done)
	heap.Remove(&s.subscribers, sub.index)
	s.trimLocked()
}

// subscribers is a heap: the one that holds back most of the history comes first.
type subscribers[K comparable, V any] []*Subscriber[K, V]

// Len is for the heap.
func (h subscribers[K, V]) Len() int { return len(h) }

// Less is for the heap.
func (h subscribers[K, V]) Less(i, j int) bool { return h[i].holds < h[j].holds }

// Swap is for the heap.
func (h subscribers[K, V]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push is for the heap.
func (h *subscribers[K, V]) Push(x any) {
	sub := x.(*Subscriber[K, V])
	sub.index = len(*h)
	*h = append(*h, sub)
}

// Pop is for the heap.
func (h *subscribers[K, V]) Pop() any {
	last := len(*h) - 1
	sub := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return sub
}
