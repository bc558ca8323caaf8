package core

import "sync/atomic"

// How a transaction takes effect at one instant for those who read without a lock.
//
// Readers who list wait until the transaction is done, because they need the lock that it holds. Get needs none. So the
// transaction stages: it gives each key a version that names the transaction and the version before. It then commits, by
// setting one word, and settles the keys: exchanges the versions for some that name nothing, or deletes the keys. A reader
// that meets a staged version reads the word, and takes the version before if it is not set. It reads what counted at the
// moment when it read the word: as long as that is not set, the transaction is under way, and nobody else writes.
//
// A transaction stages at most one version of a key. Of two, a reader could meet the first and find the word set, and take for
// the transaction's what the transaction itself has overwritten.

// A version is the object of a key, from one write to the next.
type version struct {
	obj    any
	staged *staged // nil if the version counts
	entry  *entry  // written after the version is published, but only writers read it
}

// staged is what a version knows of the transaction that staged it.
type staged struct {
	tx      *transaction
	before  *version // what counts until tx commits; nil if there was no object
	deleted bool     // there is no object once tx has committed
}

// A transaction is several writes that take effect together.
type transaction struct {
	committed atomic.Bool
}

// get returns the object that counts now, and whether there is one.
func (v *version) get() (obj any, ok bool) {
	if s := v.staged; s != nil {
		if !s.tx.committed.Load() {
			if v = s.before; v == nil {
				return nil, false
			}
		} else if s.deleted {
			return nil, false
		}
	}
	return v.obj, true
}
