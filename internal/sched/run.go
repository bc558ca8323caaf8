//go:build explore

package sched

import (
	"fmt"
	"iter"
	"math/bits"
	"runtime"
	"runtime/debug"
	"strings"
)

// MaxTasks is the number of tasks that a run can have.
const MaxTasks = 8

// maxSteps is the number of steps after which a run counts as one that does not end. Those of the tests take a few hundred.
const maxSteps = 100_000

// A run executes some tasks under one schedule. Each task is a coroutine; the one that is current runs until, at a step,
// the strategy picks another.
type run struct {
	strategy strategy
	tasks    []*task
	current  *task
	next     *task // whom the current one, which has just yielded, yields to
	schedule []byte
	trace    *strings.Builder // nil unless wanted
	aborted  bool
	failure  string
}

type task struct {
	id    int
	steps int // in its life
	done  bool

	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool

	awaits *int32 // it can go on when this is equal to value
	value  int32
	paused bool // it can go on when somebody else has made a step, or nobody else can
}

// A strategy picks the tasks that take the steps. current is the one that took the last one and could take the next,
// or -1; enabled has a bit for each that could, of which there are two at least.
type strategy interface {
	pick(current int, enabled uint) int
}

var (
	active  *run // nil when nothing is explored
	randoms uint64
)

// Step is called before each operation that other tasks can notice.
func Step() {
	if r := active; r != nil && !r.aborted {
		r.step()
	}
}

// Await waits until *p is equal to value. It is part of the step before it.
func Await(p *int32, value int32) {
	r := active
	if r == nil {
		if *p != value {
			panic("sched: waiting for ever, there is nobody else")
		}
		return
	}
	if r.aborted {
		return
	}
	t := r.current
	for *p != value {
		t.awaits, t.value = p, value
		r.giveUp()
	}
	t.awaits = nil
}

// Gosched lets another task make a step first, if one can.
func Gosched() {
	if r := active; r != nil && !r.aborted {
		r.current.paused = true
		r.giveUp()
		r.current.paused = false
	}
}

// Task returns a number for the task that is running, and the same one whenever no task is.
func Task() uintptr {
	if r := active; r != nil {
		return uintptr(r.current.id + 1)
	}
	return 0
}

// Steps returns how many steps the task that is running has made.
func Steps() int { return active.current.steps }

// Random returns a number from a sequence that begins anew with each run.
func Random() uint64 {
	randoms++
	x := randoms * 0x9e37_79b9_7f4a_7c15
	x = (x ^ x>>30) * 0xbf58_476d_1ce4_e5b9
	return x ^ x>>29
}

// execute runs the tasks under the strategy, and returns what went wrong, or "".
func (r *run) execute(functions []func()) string {
	for i, f := range functions {
		r.tasks = append(r.tasks, r.start(i, f))
	}
	active = r
	defer func() { active = nil }()
	for next := r.choose(nil); next != nil; {
		r.current = next
		if _, ok := next.resume(); ok {
			next = r.next
			continue
		}
		next.done = true
		next = r.choose(nil)
	}
	r.aborted = true
	for _, t := range r.tasks {
		if !t.done {
			if r.failure == "" {
				r.failure = "the tasks wait for each other: " + r.waiting()
			}
			r.current = t
			t.stop()
		}
	}
	return r.failure
}

type aborted struct{}

func (r *run) start(id int, f func()) *task {
	t := &task{id: id}
	t.resume, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		defer func() {
			switch p := recover().(type) {
			case nil, aborted:
			default:
				r.fail(fmt.Sprintf("task %d panics: %v\n%s", id, p, debug.Stack()))
			}
		}()
		f()
	})
	return t
}

func (r *run) fail(why string) {
	if r.failure == "" {
		r.failure = why
	}
	r.aborted = true
}

func (r *run) waiting() string {
	var b strings.Builder
	for _, t := range r.tasks {
		fmt.Fprintf(&b, "%s done=%v waiting=%v ", name(t.id), t.done, t.awaits != nil)
	}
	return b.String()
}

func (r *run) step() {
	t := r.current
	t.steps++
	if t.steps > maxSteps {
		r.fail("a task does not end")
		panic(aborted{})
	}
	if next := r.choose(t); next != t {
		r.switchTo(t, next)
	}
	for _, other := range r.tasks {
		if other != t {
			other.paused = false
		}
	}
	if r.trace != nil {
		fmt.Fprintf(r.trace, "  %s %s\n", name(t.id), caller())
	}
}

// giveUp hands over to somebody else, if there is anybody.
func (r *run) giveUp() {
	t := r.current
	switch next := r.choose(nil); {
	case next == nil:
		r.fail("the tasks wait for each other: " + r.waiting())
		panic(aborted{})
	case next != t:
		r.switchTo(t, next)
	}
}

func (r *run) switchTo(t, next *task) {
	r.next = next
	if !t.yield(struct{}{}) {
		panic(aborted{})
	}
}

// choose returns the task that takes the next step, or nil if none can. current is the one that is about to, or nil.
func (r *run) choose(current *task) *task {
	if r.aborted {
		return nil
	}
	enabled, paused := uint(0), uint(0)
	for _, t := range r.tasks {
		switch {
		case t.done || t.awaits != nil && *t.awaits != t.value:
		case t.paused:
			paused |= 1 << t.id
		default:
			enabled |= 1 << t.id
		}
	}
	if enabled == 0 {
		enabled = paused
	}
	var id int
	switch bits.OnesCount(enabled) {
	case 0:
		return nil
	case 1:
		id = bits.TrailingZeros(enabled)
	default:
		if current != nil {
			id = r.strategy.pick(current.id, enabled)
		} else {
			id = r.strategy.pick(-1, enabled)
		}
		r.schedule = append(r.schedule, byte(id))
	}
	return r.tasks[id]
}

func name(task int) string { return string(rune('a' + task)) }

// caller returns the place in the core where the running step was called.
func caller() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		if !more || !strings.Contains(f.Function, "internal/sched.") && !strings.Contains(f.Function, "internal/sched/") {
			_, function, _ := strings.Cut(f.Function[strings.LastIndexByte(f.Function, '/')+1:], ".")
			return fmt.Sprintf("%s:%d %s", f.File[strings.LastIndexByte(f.File, '/')+1:], f.Line, function)
		}
	}
}
