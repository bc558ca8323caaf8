package shard

import (
	"testing"
	"time"
)

// Steps of the protocol that matter only in meetings too rare for the simulation to find them soon.

// play is a machine that is alone, with the time of its clock in seconds.
type play struct {
	t *testing.T
	*machine
}

func at(seconds float64) time.Time {
	return time.Unix(1e9, 0).Add(time.Duration(seconds * float64(time.Second)))
}

func newPlay(t *testing.T) play {
	return play{t, &machine{
		self: record{name: "a", identity: "a", duration: simDuration, scheme: "x"},
		n:    simPartitions, deadline: 10 * time.Second, interval: simInterval,
	}}
}

// does makes the machine do what it is to do next, which must be a, and answers.
func (p play) does(want verb, sent, now float64, ans answer) {
	p.t.Helper()
	a := p.next(at(sent))
	if a.verb != want {
		p.t.Fatalf("at %v it is %v, want %v", sent, a.verb, want)
	}
	p.answered(a, at(sent), at(now), ans)
}

func (p play) holds(want int) {
	p.t.Helper()
	if got := len(p.held.list()); got != want {
		p.t.Fatalf("it holds %d partitions, want %d", got, want)
	}
}

// stored is the own Lease as it was last written, and others.
func (p play) stored(others ...record) answer { return answer{records: append(others, p.self)} }

func version(v string) answer { return answer{record: record{name: "a", uid: "u", version: v}} }

// claimed returns a machine that has written its claims, by a request that took from 2 to 3, and has not listed yet.
func claimed(t *testing.T) play {
	p := newPlay(t)
	p.does(create, 0, 1, version("1"))
	p.does(list, 1, 1.5, p.stored())
	p.holds(0)
	p.does(update, 2, 3, version("2"))
	p.holds(0)
	return p
}

func TestARenewalCountsFromBeforeItWasSent(t *testing.T) {
	p := claimed(t)
	p.does(list, 3, 4, p.stored())
	p.holds(simPartitions)
	p.tick(at(11.9))
	p.holds(simPartitions)
	p.tick(at(12))
	p.holds(0)
}

func TestARenewalThatIsAcknowledgedAfterTheDeadlineRenewsNothing(t *testing.T) {
	p := claimed(t)
	p.does(list, 3, 4, p.stored())
	p.does(update, 6, 12, version("3"))
	p.holds(0)
	if p.draining != firstN(simPartitions) || !p.claims.isEmpty() {
		t.Errorf("it drains %v and claims %v", p.draining.list(), p.claims.list())
	}
}

func TestWhatAnotherClaimsAtTheSameTimeIsNotStarted(t *testing.T) {
	p := claimed(t)
	other := record{name: "b", identity: "b", version: "9", duration: simDuration, scheme: "x", owned: firstN(simPartitions)}
	p.does(list, 3, 4, p.stored(other))
	p.holds(0)
}

func TestAClaimThatMeetsAnotherSchemeIsWithdrawnAndRenewedLaterByTheLesserName(t *testing.T) {
	for name, again := range map[string]float64{"A": 5, "b": 8.1} {
		t.Run(name, func(t *testing.T) {
			p := claimed(t)
			other := record{name: name, identity: name, version: "9", duration: simDuration, scheme: "y", owned: set{}.with(99)}
			p.does(list, 3, 4, p.stored(other))
			if p.does(update, 4, 4.5, version("3")); !p.self.owned.isEmpty() {
				t.Errorf("its Lease lists %v", p.self.owned.list())
			}
			other.owned = set{}
			p.does(list, 4.5, 4.9, p.stored(other))
			if early := p.claims.isEmpty(); early != (again > 5) {
				t.Errorf("it claims nothing at once: %v", early)
			}
			p.take(at(again), p.stored(other).records)
			if p.claims != firstN(simPartitions) {
				t.Errorf("at %v it claims %v", again, p.claims.list())
			}
		})
	}
}

func TestNothingIsClaimedWhileListsFail(t *testing.T) {
	p := newPlay(t)
	p.does(create, 0, 1, version("1"))
	if !p.self.leaving {
		t.Error("before its first list, it wants a share")
	}
	p.does(list, 1, 1.5, p.stored())
	p.does(update, 2, 3, version("2"))
	p.does(list, 3, 4, answer{outcome: failed})
	p.does(update, 10, 11, version("3"))
	if p.self.leaving || p.self.owned != firstN(simPartitions) {
		t.Errorf("after one list has failed, its Lease says %+v", p.self)
	}
	p.does(update, 11.5, 12, version("4"))
	if !p.self.leaving || !p.self.owned.isEmpty() {
		t.Errorf("after its deadline without a list, its Lease says %+v", p.self)
	}
	p.does(list, 12, 13, p.stored())
	p.does(update, 13, 14, version("5"))
	if p.self.leaving || p.self.owned != firstN(simPartitions) {
		t.Errorf("after another list, its Lease says %+v", p.self)
	}
}

func TestAfterAnOutageAReplicaWantsItsShareAtOnce(t *testing.T) {
	p := claimed(t)
	p.does(list, 3, 4, p.stored())
	p.does(update, 6, 7, answer{outcome: failed})
	p.does(get, 7, 8, answer{outcome: failed})
	p.does(get, 100, 101, version("2"))
	if p.does(update, 101, 102, version("3")); p.self.leaving {
		t.Error("its Lease says that it wants nothing")
	}
	p.does(list, 102, 103, p.stored())
}

func TestALeaseThatIsThereAfterItsDeletionIsDeletedAgainAfterItsDuration(t *testing.T) {
	p := newPlay(t)
	other := record{name: "b", identity: "b", version: "9", duration: simDuration, scheme: "x"}
	p.does(create, 0, 1, version("1"))
	p.does(list, 1, 7, p.stored(other))
	p.does(update, 9, 9, version("2"))
	p.does(list, 9, 22, p.stored(other))
	p.does(update, 22, 22, version("3"))
	p.does(remove, 22, 23, answer{})
	p.does(list, 23, 23.5, p.stored(other)) // it has a finalizer
	if p.take(at(38.4), p.stored(other).records); len(p.expired) > 0 {
		t.Error("it expires again at once")
	}
	if p.take(at(38.5), p.stored(other).records); len(p.expired) != 1 {
		t.Error("it never expires again")
	}
}

func TestALeaseExpiresWhenItsVersionHasBeenKnownForItsDuration(t *testing.T) {
	p := newPlay(t)
	other := record{name: "b", identity: "b", version: "9", duration: simDuration, scheme: "x"}
	p.does(create, 0, 1, version("1"))
	p.does(list, 1, 7, p.stored(other)) // written before 7, and perhaps not much
	p.take(at(21.9), p.stored(other).records)
	if len(p.expired) > 0 {
		t.Error("it expires before its duration is over")
	}
	other.version = "10"
	p.take(at(22.1), p.stored(other).records)
	if len(p.expired) > 0 {
		t.Error("it expires though it was renewed")
	}
	p.take(at(37.1), p.stored(other).records)
	if len(p.expired) != 1 || p.expired[0] != other {
		t.Errorf("expired are %v", p.expired)
	}
}

func TestNothingStartsWhileAnEarlierWriteMayYetBeCarriedOut(t *testing.T) {
	p := newPlay(t)
	p.does(create, 0, 1, version("1"))
	p.does(list, 1, 1.5, p.stored())
	p.does(update, 2, 3, answer{outcome: failed})
	p.does(get, 3, 3.5, version("1")) // not carried out yet
	p.does(update, 3.5, 4, version("2"))
	p.does(list, 4, 4.5, p.stored())
	p.holds(simPartitions)
}

func TestNothingStartsByAListThatShowsAnotherVersionOfTheOwnLease(t *testing.T) {
	p := claimed(t)
	late := p.stored()
	late.records[0].version = "3"
	p.does(list, 3, 4, late)
	p.holds(0)
	p.does(get, 4, 4.5, version("3"))
	p.does(update, 4.5, 5, version("4"))
	p.does(list, 5, 5.5, p.stored())
	p.holds(simPartitions)
}

func TestALeaseThatIsGoneIsLostAtOnce(t *testing.T) {
	for name, lose := range map[string]func(play){
		"not in the list":  func(p play) { p.does(list, 6, 6.5, answer{}) },
		"not to be read":   func(p play) { p.does(get, 6, 6.5, answer{outcome: missing}) },
		"another's":        func(p play) { p.does(get, 6, 6.5, answer{record: record{name: "a", uid: "v", owned: firstN(8)}}) },
		"without its list": func(p play) { p.does(get, 6, 6.5, version("9")) },
	} {
		t.Run(name, func(t *testing.T) {
			p := claimed(t)
			p.does(list, 3, 4, p.stored())
			if name == "not in the list" {
				p.does(update, 5, 6, version("3"))
			} else {
				p.does(update, 5, 6, answer{outcome: failed})
			}
			p.holds(simPartitions)
			lose(p)
			p.holds(0)
			if !p.until.IsZero() {
				t.Error("it has a deadline")
			}
		})
	}
}
