package shard

import "time"

// The protocol
//
// Every replica has a Lease of its own, which lists the partitions that it claims, holds, or is still draining. Two
// rules are all that others need to obey:
//
//	R1. A Lease is written by its replica only. Anybody may delete it who has seen one version of it for its whole
//	    duration, by his own clock, and only in that version (a precondition of the request).
//	R2. A replica starts a partition only after it has written a Lease that lists it, then listed all Leases, and found the
//	    partition in no other. It keeps it in its Lease until it has stopped the partition and drained it.
//
// So a Lease that is in the store binds everybody, whoever thinks that its replica is dead; to take over from the dead
// is to delete the Lease first. A replica in turn relies on its Lease until its deadline only: a renewal that was
// acknowledged counts from before it was sent, and for less than the duration that others wait (R3).
//
// Claim 1: the Lease of a replica whose deadline has not passed is in the store, in or after the version that was
// acknowledged last. For, a version is first seen after it was written, hence after its request was sent; who deletes
// it has known it for the duration, hence sends the deletion after the deadline. A renewal that is under way at that
// moment fails at the precondition, or came first and makes the deletion fail. One that succeeds, but is acknowledged
// after the deadline that it renews, would be good; but Owns has said no meanwhile, so that it counts as lost all the
// same (tick).
//
// Claim 2: no two replicas hold a partition, both before their deadlines. Say that both do, now. Both Leases list it,
// without a break since the claim on which the hold rests (claim 1, R1, R2). One of the claims was written later than
// the other; the list that followed it came after both and before now, so that it showed the other Lease with the
// partition: its replica did not start. This is Dekker's algorithm – write your own flag, then read the other's – and
// needs the store to be linearizable: writes to a quorum, and lists at resourceVersion "", the most recent.
//
// A request without an answer may be carried out at any later time. After one, "without a break" would be a guess, so
// nothing starts until another write of the same Lease has succeeded: both carry the resourceVersion that they replace,
// therefore the old one never will (standing). What is held or draining is in every version that is sent.
//
// That the choice of partitions is the same everywhere makes most such meetings impossible to begin with; claim 2 does
// not need it.
//
// Progress: which partitions a replica wants follows from the Leases in the store alone, which all see alike once they
// stop changing; but a replica whose lists fail wants nothing, as it could not start it, and says so (hears). If two
// claim the same partition at once, and neither starts, the one that is not to have it sees so in its next list and
// withdraws. Between two schemes there is no such one, so that both withdraw: what the other one lists it may hold for
// long, and a claim that waits for that keeps the others of that scheme from what they are to gain. Lest both claim and
// withdraw in step for ever, all but the one with the greatest name wait for some time before they claim again.
//
// The machine below is the protocol and nothing else: it neither waits nor calls, so that a test can put any number of
// them through any order of events (simulation_test.go).

// A record is what the protocol knows of a replica's Lease.
type record struct {
	name     string
	uid      string
	version  string // its resourceVersion
	identity string
	duration time.Duration // how long others wait after its last change
	scheme   string        // how keys become partitions
	owned    set
	leaving  bool // it wants no partition: it leaves, or cannot list
}

// blocks returns the partitions that r keeps from a replica with the given scheme: those that it lists. If its
// partitions are other partitions, or what it lists cannot be understood, that is all or none.
func (r record) blocks(scheme string, n int) set {
	switch {
	case r.scheme == scheme:
		return r.owned
	case r.owned.isEmpty():
		return set{}
	}
	return firstN(n)
}

// standing is what a replica knows of its own Lease.
type standing uint8

const (
	absent  standing = iota // there is none, so nothing is held
	unclear                 // a write may have been carried out or may yet be, or somebody else wrote: read it
	read                    // its version is known, but an earlier write may yet be carried out: write it
	sure                    // it is as it was last written, and no write is under way
)

// A sighting is the version of another's Lease that was seen last, and when it was seen first.
type sighting struct {
	uid, version string
	since        time.Time
}

// machine is the state of one replica in the protocol. Times are of its own clock.
type machine struct {
	self     record // owned and leaving are as last written
	n        int
	deadline time.Duration // less than self.duration
	interval time.Duration // from one renewal to the next

	standing standing
	claims   set // to be started if nobody else has them
	held     set // started; they count before until only
	draining set // stopped, and not yet drained
	leaving  bool
	lapses   int // how often everything was given up at once

	until   time.Time // the deadline of what is held; zero if there is none
	renewAt time.Time
	listed  bool // Leases were listed since the last write
	expired []record
	seen    map[string]sighting // by name

	hears   bool      // its lists succeed; if not, it wants nothing, but keeps what it holds
	deafAt  time.Time // when it hears no more, if its Lease is valid and no list has succeeded by then
	claimAt time.Time // when to claim again, after a claim met one of another scheme
}

// listing is what the Lease is to list.
func (m *machine) listing() set { return m.claims.union(m.held).union(m.draining) }

type verb uint8

const (
	idle   verb = iota // nothing to do before action.at
	finish             // the replica has left
	create
	get
	update
	list
	remove
)

func (v verb) String() string {
	return [...]string{"awaiting", "leaving", "creating", "reading", "renewing", "listing", "deleting"}[v]
}

// An action is what a replica is to do next: at most one request at a time.
type action struct {
	verb   verb
	at     time.Time // idle
	record record    // create, update, remove; get: name only
}

// next returns what to do now.
func (m *machine) next(now time.Time) action {
	m.tick(now)
	wanted := m.self
	wanted.owned, wanted.leaving = m.listing(), m.leaving || !m.hears
	switch {
	case m.leaving && m.draining.isEmpty() && m.standing == absent:
		return action{verb: finish}
	case m.standing == absent:
		return action{verb: create, record: wanted}
	case m.standing == unclear:
		return action{verb: get, record: m.self}
	case m.leaving && m.draining.isEmpty():
		return action{verb: remove, record: m.self}
	case m.standing == read, wanted != m.self, !now.Before(m.renewAt):
		return action{verb: update, record: wanted}
	case len(m.expired) > 0:
		return action{verb: remove, record: m.expired[0]}
	case !m.listed:
		return action{verb: list}
	}
	return action{verb: idle, at: m.renewAt}
}

// tick is to be called at now before anything else happens: after the deadline, nothing is held any more, and while lists
// fail, nothing is claimed.
func (m *machine) tick(now time.Time) {
	if !m.until.IsZero() && !now.Before(m.until) {
		m.lapse()
	}
	if !m.until.IsZero() && !now.Before(m.deafAt) {
		m.hears, m.claims = false, set{}
	}
}

// lapse gives up at once what is held. What is being worked on stays in the Lease until it is drained, if there still
// is one.
func (m *machine) lapse() {
	m.lapses++
	m.draining = m.draining.union(m.held)
	m.claims, m.held, m.until = set{}, set{}, time.Time{}
}

// drained tells that nothing of partition p, which was draining, is worked on any more.
func (m *machine) drained(p int) { m.draining = m.draining.without(p) }

// leave makes the replica drain and drop everything, and then delete its Lease.
func (m *machine) leave() {
	m.leaving = true
	m.draining = m.draining.union(m.held)
	m.claims, m.held = set{}, set{}
}

// outcome is how a request ended.
type outcome uint8

const (
	done    outcome = iota
	failed          // nothing is known of whether it was, or will be, carried out
	missing         // there is no such Lease: get, remove
	exists          // there is a Lease of that name: create
)

// An answer is what came of a request.
type answer struct {
	outcome outcome
	record  record   // create, update, get
	records []record // list
}

// answered tells what came of a, which was sent at sent.
func (m *machine) answered(a action, sent, now time.Time, ans answer) {
	m.tick(now) // before until moves: what comes too late renews nothing
	switch {
	case a.verb == remove && a.record.name != m.self.name:
		m.expired = m.expired[1:]
		m.listed = false // if it could not be deleted, somebody may have renewed it after all
		if ans.outcome == done {
			delete(m.seen, a.record.name) // if it is there still, finalizers keep it: try again, but not at once
		}
	case ans.outcome == missing, ans.outcome == done && a.verb == remove:
		m.vanished()
	case ans.outcome == failed:
		if a.verb != get && a.verb != list {
			m.standing = unclear
		}
	case ans.outcome == exists:
		m.standing = unclear
	case a.verb == get:
		m.reread(ans.record)
	case a.verb == list:
		m.take(now, ans.records)
	default:
		m.wrote(a.record, sent, now, ans.record)
	}
}

// wrote tells that the own Lease is in the store as r says, as version.
func (m *machine) wrote(r record, sent, now time.Time, version record) {
	r.uid, r.version = version.uid, version.version
	m.self = r
	m.standing, m.listed = sure, false
	if m.until.IsZero() {
		m.deafAt = now.Add(m.deadline) // in an outage, all requests fail; that says nothing of lists
	}
	m.until, m.renewAt = sent.Add(m.deadline), sent.Add(m.interval)
	m.tick(now)
}

// reread tells that the own Lease is, or was a moment ago, r.
func (m *machine) reread(r record) {
	if r.uid != m.self.uid || !m.held.minus(r.owned).isEmpty() {
		m.lapse() // somebody deleted it, or changed what it lists
	}
	m.self.uid, m.self.version = r.uid, r.version
	m.standing = read
}

// vanished tells that there is no own Lease.
func (m *machine) vanished() {
	m.lapse()
	m.self.uid, m.self.version = "", ""
	m.standing = absent
}

// take tells that all Leases were listed, after the last write was acknowledged. It starts what was claimed and is
// free, stops what others are to have, and claims what this replica is to have.
func (m *machine) take(now time.Time, all []record) {
	others := make([]record, 0, len(all))
	found := false
	for _, r := range all {
		if r.name != m.self.name {
			others = append(others, r)
			continue
		}
		found = true
		if r.uid != m.self.uid || r.version != m.self.version { // not what was acknowledged last
			m.standing = unclear
		}
	}
	if !found {
		m.vanished()
		return
	}
	m.sight(now, others)
	m.listed, m.hears, m.deafAt = true, true, now.Add(m.deadline)
	if m.standing == sure && !m.leaving {
		m.share(now, others)
	}
}

// share is what take does about the partitions.
func (m *machine) share(now time.Time, others []record) {
	var taken set
	var members []record
	rival := "" // the greatest name of those of other schemes that block
	for _, o := range others {
		blocked := o.blocks(m.self.scheme, m.n)
		taken = taken.union(blocked)
		switch {
		case o.scheme == m.self.scheme && !o.leaving:
			members = append(members, o)
		case o.scheme != m.self.scheme && !blocked.isEmpty():
			rival = max(rival, o.name)
		}
	}
	wanted := wins(m.self, members, m.n)
	m.claims = m.claims.intersect(wanted)
	if rival != "" && !m.claims.isEmpty() {
		m.claims = set{}
		if rival > m.self.name {
			m.claimAt = now.Add(2 * m.interval) // the rival lists, claims and lists again meanwhile
		}
	}
	if !m.until.IsZero() {
		// R2: self.owned was written before the list was sent.
		started := m.claims.intersect(m.self.owned).minus(taken)
		m.held, m.claims = m.held.union(started), m.claims.minus(started)
	}
	lost := m.held.minus(wanted)
	m.held, m.draining = m.held.minus(lost), m.draining.union(lost)
	if !now.Before(m.claimAt) {
		m.claims = m.claims.union(wanted.minus(m.listing()).minus(taken))
	}
}

// sight keeps the books on when the versions of the others' Leases were first seen, and which of them have expired: if
// the list is late and they have been renewed meanwhile, they are not deleted, as they are in another version.
func (m *machine) sight(now time.Time, others []record) {
	seen := make(map[string]sighting, len(others))
	m.expired = nil
	for _, o := range others {
		s, ok := m.seen[o.name]
		if !ok || s.uid != o.uid || s.version != o.version {
			s = sighting{o.uid, o.version, now}
		}
		seen[o.name] = s
		if now.Sub(s.since) >= o.duration {
			m.expired = append(m.expired, o)
		}
	}
	m.seen = seen
}
