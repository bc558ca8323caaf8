package shard

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The protocol, played by any number of machines against a store, through random interleavings of sending, carrying out
// and answering requests; with requests that are lost, or carried out long after their sender gave up; with clocks that
// are set and run differently, pauses, crashes, outages, lists that fail for long, and slow work; in half of the worlds,
// with replicas of two schemes, of which any two partitions meet. Checked after every step:
//
//	P1. no two replicas hold a partition before their deadlines;
//	P2. a replica holds no partition in which another is still at work, unless that one's deadline passed meanwhile;
//
// and when things calm down:
//
//	P3. every partition of one scheme is held, by the replica that is to have it;
//	P4. no Lease is left of replicas that are gone.
//
// In all, each of the disturbances must have happened.

const (
	simPartitions = 8
	simDuration   = 15 * time.Second
	simDeadline   = 14500 * time.Millisecond // a narrow margin, so that no mistake hides in it
	simInterval   = 2 * time.Second
)

// A temper is how a world treats its replicas.
type temper struct {
	step    time.Duration // time passes by less than this between two steps
	idle    []int         // in one step of so many does a replica anything, now of the one, now of the other number
	disturb int           // in one step of so many is there a disturbance
	loss    int           // of so many answers is one lost
	stray   int           // in one step of so many is a lost request carried out after all
}

func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }

func newTemper(rng *rand.Rand) temper {
	return temper{
		step:    pick(rng, simInterval/16, simInterval/4, simInterval),
		idle:    pick(rng, []int{2}, []int{4}, []int{1, 8}, []int{1, 16}),
		disturb: pick(rng, 5, 20, 100), loss: pick(rng, 4, 12, 50), stray: pick(rng, 5, 20),
	}
}

// world is the store, the network and the true time.
type world struct {
	t   *testing.T
	rng *rand.Rand
	temper
	schemes  []string
	now      time.Duration
	store    map[string]record
	versions int
	strays   []func() // requests whose sender has given up
	downTill time.Duration
	calm     bool
	replicas []*simReplica
	born     int
	counts   map[string]int
	trace    []string
}

type simReplica struct {
	*machine
	w       *world
	rate    float64
	offset  time.Duration
	idle    int
	paused  time.Duration // until
	deaf    time.Duration // its lists fail until then
	gone    bool
	pending *simRequest
	working set // partitions in which it is at work
	zombie  set // those of them whose deadline passed meanwhile
}

type simRequest struct {
	action
	sent     time.Time
	executed bool
	answer   answer
}

func (r *simReplica) clock() time.Time {
	return time.Unix(1e9, 0).Add(r.offset + time.Duration(float64(r.w.now)*r.rate))
}

func (w *world) chance(oneIn int) bool { return w.rng.IntN(oneIn) == 0 }

func (w *world) count(what string) { w.counts[what]++ }

func (w *world) log(r *simReplica, format string, args ...any) {
	line := fmt.Sprintf("%8v %s ", w.now.Round(time.Millisecond), r.self.name) + fmt.Sprintf(format, args...)
	w.trace = append(w.trace, line)
}

func (w *world) join() {
	w.born++
	identity := "replica-" + strconv.Itoa(w.rng.IntN(4)) // several Leases may carry the same one, as after a restart
	r := &simReplica{
		w:      w,
		rate:   0.99 + w.rng.Float64()*0.02,
		offset: time.Duration(w.rng.Int64N(int64(24 * time.Hour))),
		machine: &machine{
			self: record{
				name: identity + "-" + strconv.Itoa(w.born), identity: identity,
				duration: simDuration, scheme: pick(w.rng, w.schemes...),
			},
			n: simPartitions, deadline: simDeadline, interval: simInterval,
		},
	}
	w.replicas = append(w.replicas, r)
}

// execute carries out a request at the store.
func (w *world) execute(a action) answer {
	at, found := w.store[a.record.name]
	same := found && at.uid == a.record.uid && at.version == a.record.version
	switch a.verb {
	case create:
		if found {
			return answer{outcome: exists}
		}
		return answer{record: w.put(a.record, "uid-"+strconv.Itoa(w.versions))}
	case update:
		if !same {
			w.count("conflict")
			return answer{outcome: failed}
		}
		return answer{record: w.put(a.record, at.uid)}
	case get:
		if !found {
			return answer{outcome: missing}
		}
		return answer{record: at}
	case remove:
		if !found {
			return answer{outcome: missing}
		} else if !same {
			return answer{outcome: failed}
		}
		w.count("deleted")
		delete(w.store, a.record.name)
		return answer{}
	}
	var all []record
	for _, r := range w.store {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b record) int { return strings.Compare(a.name, b.name) })
	return answer{records: all}
}

func (w *world) put(r record, uid string) record {
	w.versions++
	r.uid, r.version = uid, strconv.Itoa(w.versions)
	w.store[r.name] = r
	return r
}

// step lets one replica do one thing, or the network, or time.
func (w *world) step() {
	w.now += time.Duration(w.rng.Int64N(int64(w.temper.step)))
	if len(w.strays) > 0 && w.chance(w.stray) {
		i := w.rng.IntN(len(w.strays))
		w.strays[i]()
		w.strays = slices.Delete(w.strays, i, i+1)
		w.count("stray")
	}
	if !w.calm {
		w.disturb()
	}
	w.replicas = slices.DeleteFunc(w.replicas, func(r *simReplica) bool { return r.gone })
	for _, i := range w.rng.Perm(len(w.replicas)) {
		r := w.replicas[i]
		if w.chance(10) || r.idle == 0 {
			r.idle = pick(w.rng, w.idle...)
		}
		if w.now >= r.paused && w.chance(r.idle) {
			r.act()
			w.check()
		}
	}
	w.check()
}

func (w *world) disturb() {
	if len(w.replicas) < 4 && w.chance(w.temper.disturb) {
		for range 1 + w.rng.IntN(2) {
			w.join()
		}
	}
	if w.chance(20 * w.temper.disturb) {
		w.downTill = w.now + time.Duration(w.rng.Int64N(int64(2*simDuration)))
		w.count("outage")
	}
	if len(w.replicas) == 0 || !w.chance(w.temper.disturb) {
		return
	}
	r := w.replicas[w.rng.IntN(len(w.replicas))]
	switch w.rng.IntN(5) {
	case 0:
		r.gone = true
		w.log(r, "crashes")
		w.count("crash")
		if p := r.pending; p != nil && !p.executed {
			w.strays = append(w.strays, func() { w.execute(p.action) })
		}
	case 1:
		r.leave()
		w.log(r, "leaves")
		w.count("leave")
	case 2:
		r.deaf = w.now + time.Duration(w.rng.Int64N(int64(3*simDuration)))
		w.log(r, "is deaf until %v", r.deaf)
		w.count("deaf")
	default:
		r.paused = w.now + time.Duration(w.rng.Int64N(int64(3*simDuration)))
		w.log(r, "pauses until %v", r.paused)
		w.count("pause")
	}
}

// act is the loop of Run, and the work of its users.
func (r *simReplica) act() {
	w := r.w
	r.work()
	if r.pending != nil {
		r.await()
		return
	}
	r.tick(r.clock())
	for p := range r.draining.minus(r.working).all() {
		r.drained(p)
	}
	a := r.next(r.clock())
	switch a.verb {
	case idle:
	case finish:
		r.gone = true
		w.log(r, "has left")
		w.count("left")
	default:
		r.pending = &simRequest{action: a, sent: r.clock()}
	}
}

// await carries the pending request on: to the store, back, or nowhere.
func (r *simReplica) await() {
	w, p := r.w, r.pending
	lost := !w.calm && w.chance(w.loss) || w.now < w.downTill || p.verb == list && w.now < r.deaf
	switch {
	case lost:
		if !p.executed && w.chance(2) {
			w.strays = append(w.strays, func() { w.execute(p.action) })
		}
		p.answer = answer{outcome: failed}
	case !p.executed:
		p.executed, p.answer = true, w.execute(p.action)
		w.log(r, "%s %s %v: %v", p.verb, p.record.name, p.record.owned.list(), p.answer.outcome)
		return
	}
	if r.pending = nil; p.verb == list && r.contended(p.answer.records) {
		w.count("contended")
	}
	had, claimAt := !r.until.IsZero(), r.claimAt
	r.answered(p.action, p.sent, r.clock(), p.answer)
	if r.claimAt != claimAt {
		w.count("yield")
	}
	if had && r.until.IsZero() {
		w.count("lapse")
	}
	w.log(r, "is answered %s: %v, holds %v drains %v claims %v", p.verb, p.answer.outcome,
		r.held.list(), r.draining.list(), r.claims.list())
}

// contended tells whether another claims what r claims.
func (r *simReplica) contended(all []record) bool {
	return slices.ContainsFunc(all, func(o record) bool {
		return o.name != r.self.name && !r.claims.intersect(o.owned).isEmpty()
	})
}

func (r *simReplica) work() {
	for p := range simPartitions {
		switch {
		case r.working.has(p) && (r.w.calm || r.w.chance(20)):
			r.working, r.zombie = r.working.without(p), r.zombie.without(p)
		case r.valid() && r.held.has(p) && r.w.chance(4):
			r.working = r.working.with(p)
		}
	}
}

func (r *simReplica) valid() bool { return !r.until.IsZero() && r.clock().Before(r.until) }

func TestNoTwoReplicasHoldAPartitionWhateverHappens(t *testing.T) {
	seed := testSeed(t)
	counts := map[string]int{}
	for run := range 700 {
		w := &world{
			t: t, rng: rand.New(rand.NewPCG(seed, uint64(run))),
			schemes: []string{"x", "y"}[:1+run%2],
			store:   map[string]record{}, counts: counts,
		}
		w.temper = newTemper(w.rng)
		for range 3 {
			w.join()
		}
		for range 50 + w.rng.IntN(500) {
			w.step()
		}
		w.settle()
	}
	for _, what := range []string{
		"conflict", "contended", "crash", "deaf", "deleted", "lapse", "leave", "left", "outage", "pause", "stray", "yield",
	} {
		if counts[what] == 0 {
			t.Errorf("none of the runs had a %s", what)
		}
	}
	t.Log(counts)
}
