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
