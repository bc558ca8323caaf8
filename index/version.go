package index

import "sync/atomic"

// How a write of many words takes effect at one instant.
//
// A write concerns one entry, or several, and one bucket for every index key that an entry carries or carried. Each of
// them lives in a shardmap.Map under its key, as a version. A transaction
//
//  1. locks the stripes of everything that it concerns (see stripes.go), which keeps other writers away from it;
//  2. stages: stores for each a new version, which is pending: it names the transaction and the version before;
//  3. commits: sets one word. This is the instant at which the write takes effect;
//  4. settles: takes the name of the transaction, and with it the version before, out of the new versions, and deletes
//     from the maps what is absent now;
//  5. unlocks.
//
// A reader takes no lock. It loads a version from its map and asks for the one that counts now:
//
//	pending     committed │ what counts   at which instant it was so
//	────────────┬─────────┼──────────────────────────────────────────────────────────────────────────────────────────
//	no          │         │ the version   when it was loaded, or when its transaction committed, whichever came later
//	yes         │ yes     │ the version   the same
//	yes         │ no      │ the one       when the word was read: the transaction was under way then, and for as long
//	            │         │ before        as it is nobody else changes what the version stands for
//
// So every read of one entry, or of one bucket, takes effect at an instant between its call and its return; the content
// of all of them, seen as a function of time, changes only at commits, and all that one write changes changes together.
// That is linearizability of the map and its indexes as one object. A reader never repeats anything: it is wait-free, as
// far as shardmap.Map.Load is.
//
// What a pending version holds is read only after the transaction was seen committed or the version settled. Until the
// commit its transaction may therefore still change it, as DeleteAll does with buckets that lose several entries.

// A tx is a transaction: one write.
type tx struct {
	committed atomic.Bool
}

func (t *tx) commit() { t.committed.Store(true) }

// A version is embedded in what is exchanged as a whole, entries and buckets, T being the very type that embeds it. Apart
// from this, an entry or bucket that is settled never changes.
type version[T any] struct {
	pending atomic.Pointer[pending[T]] // nil once settled
}

// pending is what a version knows of the transaction that staged it.
type pending[T any] struct {
	tx     *tx
	before *T // settled; nil if there was none
}

// supersede makes a version that nobody else knows yet one that t stages in the place of before.
func (v *version[T]) supersede(t *tx, before *T) { v.pending.Store(&pending[T]{t, before}) }

// stagedBy reports whether t staged the version and has not settled it. The caller holds its stripe.
func (v *version[T]) stagedBy(t *tx) bool {
	p := v.pending.Load()
	return p != nil && p.tx == t
}

// settle makes the version forget its transaction, which is committed. The caller holds its stripe.
func (v *version[T]) settle() { v.pending.Store(nil) }

// uncommitted reports whether the version does not count yet, and if so, which one does.
func (v *version[T]) uncommitted() (before *T, yes bool) {
	if p := v.pending.Load(); p != nil && !p.tx.committed.Load() {
		return p.before, true
	}
	return nil, false
}
