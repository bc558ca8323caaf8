package lincheck

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// patience bounds the search for an order, and the recording of a batch of histories. Both take milliseconds: it is there
// so that what never ends fails with a reason.
const patience = time.Minute

// A history is what was recorded of one key or one map.
type history struct {
	model porcupine.Model
	ops   []porcupine.Operation
}

// add appends an operation of a client.
func (h *history) add(client int, o *op) {
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: o, Call: o.call, Return: o.ret})
}

// check returns nil if the history is linearizable, and otherwise an error that has all of it. It is an error, too, if that
// is not known in time.
func (h *history) check(limit time.Duration) error {
	result := porcupine.CheckOperationsTimeout(h.model, h.ops, limit)
	if result == porcupine.Ok {
		return nil
	}
	return &violation{*h, result}
}

// overlaps reports whether two clients were at it at the same time.
func (h *history) overlaps() bool {
	slices.SortFunc(h.ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	for i := range h.ops[1:] {
		if h.ops[i].Return > h.ops[i+1].Call {
			return true
		}
	}
	return false
}

// A violation is a history that is not linearizable, or not known to be.
type violation struct {
	history
	result porcupine.CheckResult
}

// Error lists the history by the times of the calls.
func (v *violation) Error() string {
	var text strings.Builder
	if v.result == porcupine.Unknown {
		text.WriteString("no order found in time, and none ruled out:\n")
	} else {
		text.WriteString("not linearizable:\n")
	}
	v.overlaps() // sorts
	for _, o := range v.ops {
		fmt.Fprintf(&text, "  %9d – %9d  client %d  %v\n", o.Call, o.Return, o.ClientId, o.Input)
	}
	return text.String()
}

// draw writes a picture of the violation, as a web page, and returns where it is.
func (v *violation) draw(t *testing.T) string {
	dir := os.TempDir()
	if f := flag.Lookup("test.artifacts"); f != nil && f.Value.String() == "true" {
		dir = t.ArtifactDir() // without that flag it is removed after the test
	}
	file, err := os.CreateTemp(dir, "lincheck-*.html")
	if err != nil {
		return err.Error()
	}
	file.Close()
	_, info := porcupine.CheckOperationsVerbose(v.model, v.ops, patience)
	if err := porcupine.VisualizePath(v.model, info, file.Name()); err != nil {
		return err.Error()
	}
	return filepath.ToSlash(file.Name())
}

// failNow ends the test with what went wrong, and how to have it again.
func failNow(t *testing.T, seed uint64, where string, err error) {
	t.Helper()
	text := err.Error()
	if v, ok := err.(*violation); ok {
		text += "picture: " + v.draw(t)
	}
	t.Fatalf("%s: %s\n(SHARDMAP_SEED=%d)", where, text, seed)
}

// underWay says what is being recorded, and with which seed.
var underWay atomic.Pointer[string]

// mustEnd is called before a batch is recorded. It ends everything, and says where all goroutines are, if the function
// that it returns is not called in time: an operation of the map does not return.
func mustEnd(seed uint64, where string) (ended func() bool) {
	underWay.Store(new(fmt.Sprintf("%s (SHARDMAP_SEED=%d)", where, seed)))
	return time.AfterFunc(patience, func() {
		debug.SetTraceback("all")
		panic(fmt.Sprintf("not ended after %v: %s", patience, *underWay.Load()))
	}).Stop
}

// witness, deferred, adds to a panic what was being recorded.
func witness() {
	if r := recover(); r != nil {
		panic(fmt.Sprintf("%v\nin %s", r, *underWay.Load()))
	}
}

// crowd has more threads than there are processors, in one batch of eight. The operating system then stops threads at any
// instruction, not only where goroutines yield, and for long enough that the others do a lot meanwhile. That finds what
// goes wrong between two instructions, while the other batches do ten times as much in the same time.
func crowd(batch uint64) {
	procs := runtime.NumCPU()
	if batch%8 == 7 {
		procs *= 2
	}
	if procs != runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(procs)
	}
}

func crowded() bool { return runtime.GOMAXPROCS(0) > runtime.NumCPU() }

// inParallel calls f for every number below n, on all processors, until one of the calls returns an error, and returns
// the first.
func inParallel(n int, f func(i int) error) error {
	var (
		next  atomic.Int64
		wg    sync.WaitGroup
		mu    sync.Mutex
		found error
	)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				if err := f(int(i)); err != nil {
					next.Store(int64(n))
					mu.Lock()
					if found == nil {
						found = err
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return found
}

// together has several members do the given number of rounds, each round at the same time.
func together(members, rounds int, f func(member, round int)) {
	var arrived atomic.Int64
	var wg sync.WaitGroup
	complete := make([]chan struct{}, rounds)
	for round := range complete {
		complete[round] = make(chan struct{})
	}
	for member := range members {
		wg.Go(func() {
			defer witness()
			for round, c := range complete {
				everybody := int64(members * (round + 1))
				if arrived.Add(1) == everybody {
					close(c)
				}
				// Who waits for the channel begins late; who does not keeps the processors busy, as a crowd should.
				for spins := 0; (spins < 32 || crowded()) && arrived.Load() < everybody; spins++ {
					runtime.Gosched()
				}
				if arrived.Load() < everybody {
					<-c
				}
				f(member, round)
			}
		})
	}
	wg.Wait()
}
