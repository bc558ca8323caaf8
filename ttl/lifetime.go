package ttl

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Forever is the TTL of entries that do not expire, where the map's default is that they do.
const Forever = time.Duration(math.MaxInt64)

// Lifetime says when an entry expires. The zero Lifetime stands for the map's default, see [WithLifetime]; without
// that option entries do not expire.
type Lifetime struct {
	// TTL is the time from the store to the deadline. 0 is no limit. A negative TTL is over at once: what is stored with
	// it has expired already, so that TTL: time.Until(t) is right whatever t is, but for the one nanosecond in which it
	// is 0.
	TTL time.Duration

	// Idle is the time from the last load to the deadline, which is never later than the one that TTL sets. 0 is no
	// limit. Load, and LoadOrStore and LoadOrCompute that find a value, move the deadline; looking at an entry in any
	// other way does not. They move it when that is by a 16th of Idle or more: an entry that is loaded all the time
	// is written seldom, and one that is not may expire up to a 16th of Idle early, never late.
	Idle time.Duration

	// Jitter shortens the TTL by a random duration below Jitter, or below TTL if that is less, so that entries which were
	// stored together do not all expire together.
	Jitter time.Duration
}

// check panics if l cannot be meant.
func (l Lifetime) check(where string) {
	switch {
	case l.Idle < 0:
		panic(fmt.Sprintf("ttl: %s: Idle %v: must not be negative", where, l.Idle))
	case l.Jitter < 0:
		panic(fmt.Sprintf("ttl: %s: Jitter %v: must not be negative", where, l.Jitter))
	}
}

// span returns the deadline at now, and what else an entry has to know about its lifetime.
func (l Lifetime) span(now int64) (deadline int64, m *more) {
	end := int64(never)
	if l.TTL != 0 {
		d := l.TTL
		if j := min(l.Jitter, d); j > 0 {
			d -= rand.N(j)
		}
		end = after(now, int64(d))
	}
	if l.Idle == 0 {
		return end, nil
	}
	return min(after(now, int64(l.Idle)), end), &more{idle: int64(l.Idle), end: end}
}
