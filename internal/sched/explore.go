//go:build explore

package sched

import (
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"strconv"
	"strings"
)

// An Explorer runs the same tasks under many schedules.
//
//	for x.Next() {
//		m := …                 // what the tasks share, made anew
//		x.Run(func() { … }, func() { … })
//		…                      // look at what came out; x.Fail if it is wrong
//	}
//	if err := x.Err(); err != nil { … }
//
// First it goes through all schedules with no preemption, then through all with at most one, two, and so on up to
// Preemptions, depth first, for at most Systematic schedules. (Switching away from a task that cannot go on is no
// preemption.) Then follow Random ones, by PCT: each task has a random priority, the first that can run does, and at a few
// random steps the one that runs falls behind all others. A bug that needs d such steps is found by one of n·k^d runs
// at least, for n tasks with k steps. (Burckhardt, Kothari, Musuvathi, Nagarakatte: A Randomized Scheduler with
// Probabilistic Guarantees of Finding Bugs, ASPLOS 2010.)
type Explorer struct {
	Preemptions int
	Systematic  int
	Random      int
	Seed        uint64 // of the last random schedule
	Replay      string // if not empty, the only schedule to run, as Schedule returned it

	Schedules int // that were run
	Complete  int // preemptions up to which all schedules were run, -1 if not even those without
	Steps     int // of all runs
	Longest   int // steps of the longest run

	bound int
	dfs   depthFirst
	last  *run
	err   error
}

// Next reports whether there is another schedule to run.
func (x *Explorer) Next() bool {
	randoms = 0
	if x.last != nil {
		x.count()
	} else {
		x.Complete = -1
	}
	switch {
	case x.err != nil:
		return false
	case x.Replay != "":
		if x.last != nil {
			return false
		}
		x.last = &run{strategy: follow(x.Replay), trace: new(strings.Builder)}
	case x.deeper():
		x.last = &run{strategy: &x.dfs}
	case x.Random > 0:
		x.Random--
		x.last = &run{strategy: x.priorities()}
	default:
		return false
	}
	return true
}

// deeper prepares the next schedule of the depth-first search.
func (x *Explorer) deeper() bool {
	if x.Schedules >= x.Systematic {
		return false
	}
	if x.last == nil || x.dfs.next() {
		return true
	}
	x.Complete = x.bound
	if x.bound == x.Preemptions {
		x.Systematic = 0
		return false
	}
	x.bound++
	x.dfs = depthFirst{bound: x.bound}
	return true
}

func (x *Explorer) count() {
	steps := 0
	for _, t := range x.last.tasks {
		steps += t.steps
	}
	x.Schedules++
	x.Steps += steps
	x.Longest = max(x.Longest, steps)
}

// Run runs the tasks under the schedule that Next has prepared.
func (x *Explorer) Run(tasks ...func()) {
	if len(tasks) > MaxTasks {
		panic(fmt.Sprintf("sched: %d tasks, want at most %d", len(tasks), MaxTasks))
	}
	x.dfs.at = 0
	if failure := x.last.execute(tasks); failure != "" {
		x.Fail("%s", failure)
	}
}

// Fail ends the exploration: the schedule that ran last showed a bug.
func (x *Explorer) Fail(message string, args ...any) {
	if x.err != nil {
		return
	}
	what := fmt.Sprintf(message, args...)
	if trace := x.last.trace; trace != nil {
		what += "\nsteps:\n" + trace.String()
	}
	x.err = errors.New(what)
}

// Schedule returns the schedule that ran last.
func (x *Explorer) Schedule() string { return format(x.last.schedule) }

// Err returns what Fail was told.
func (x *Explorer) Err() error { return x.err }

// depthFirst goes through all schedules with at most bound preemptions.
type depthFirst struct {
	bound int
	path  []choice
	at    int
}

// A choice is a point of a schedule where more than one task could go on.
type choice struct {
	enabled, tried uint8
	chosen         int8
	current        int8
	preemptions    uint8 // before
}

func (c *choice) cost(task int) int {
	if c.current < 0 || int(c.current) == task {
		return 0
	}
	return 1
}

func (d *depthFirst) pick(current int, enabled uint) int {
	if d.at < len(d.path) {
		c := &d.path[d.at]
		d.at++
		if uint(c.enabled) != enabled || int(c.current) != current {
			panic("sched: a run cannot be repeated: something in it is random")
		}
		return int(c.chosen)
	}
	c := choice{enabled: uint8(enabled), current: int8(current)}
	if n := len(d.path); n > 0 {
		before := &d.path[n-1]
		c.preemptions = before.preemptions + uint8(before.cost(int(before.chosen)))
	}
	id := current
	if id < 0 {
		id = bits.TrailingZeros(enabled)
	}
	c.chosen, c.tried = int8(id), 1<<id
	d.path = append(d.path, c)
	d.at++
	return id
}

// next turns the path into the next one, and reports whether there is one.
func (d *depthFirst) next() bool {
	for n := len(d.path) - 1; n >= 0; n-- {
		c := &d.path[n]
		for rest := c.enabled &^ c.tried; rest != 0; rest &= rest - 1 {
			id := bits.TrailingZeros8(rest)
			if int(c.preemptions)+c.cost(id) <= d.bound {
				c.chosen = int8(id)
				c.tried |= 1 << id
				return true
			}
		}
		d.path = d.path[:n]
	}
	return false
}

// byPriority is PCT.
type byPriority struct {
	priority [MaxTasks]int
	falls    []int // the steps at which the running task falls behind
	lowest   int
	step     int
}

func (x *Explorer) priorities() *byPriority {
	x.Seed++
	random := rand.New(rand.NewPCG(x.Seed, 0))
	p := new(byPriority)
	copy(p.priority[:], random.Perm(MaxTasks))
	for range 1 + random.IntN(5) {
		p.falls = append(p.falls, random.IntN(x.Longest+1))
	}
	return p
}

func (p *byPriority) pick(current int, enabled uint) int {
	p.step++
	for _, at := range p.falls {
		if at == p.step && current >= 0 {
			p.lowest--
			p.priority[current] = p.lowest
		}
	}
	best := -1
	for ; enabled != 0; enabled &= enabled - 1 {
		if id := bits.TrailingZeros(enabled); best < 0 || p.priority[id] > p.priority[best] {
			best = id
		}
	}
	return best
}

// A replay follows a schedule that was printed.
type replay struct {
	schedule []byte
	at       int
}

func (f *replay) pick(current int, enabled uint) int {
	if f.at < len(f.schedule) {
		id := int(f.schedule[f.at])
		f.at++
		if enabled>>id&1 != 0 {
			return id
		}
	}
	return bits.TrailingZeros(enabled)
}

// follow is the inverse of format.
func follow(schedule string) *replay {
	f := new(replay)
	for s := schedule; s != ""; {
		digits := len(s) - len(strings.TrimLeft(s[1:], "0123456789")) - 1
		n, err := strconv.Atoi(s[1 : 1+digits])
		if err != nil || s[0] < 'a' || s[0] >= 'a'+MaxTasks {
			panic(fmt.Sprintf("sched: Replay %q: want letters from a on, each followed by a number, as in a12b3", schedule))
		}
		for range n {
			f.schedule = append(f.schedule, s[0]-'a')
		}
		s = s[1+digits:]
	}
	return f
}

// format writes a schedule as the tasks that were chosen and how often in a row: a12b3.
func format(schedule []byte) string {
	var b strings.Builder
	for i := 0; i < len(schedule); {
		n := 1
		for i+n < len(schedule) && schedule[i+n] == schedule[i] {
			n++
		}
		fmt.Fprintf(&b, "%s%d", name(int(schedule[i])), n)
		i += n
	}
	return b.String()
}
