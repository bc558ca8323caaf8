package run

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/shardmap-go/shardmap/bench/internal/guard"
	"github.com/shardmap-go/shardmap/bench/strategy"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// An Isolator returns the command that starts a process which calls [Isolated] and ends. The process must have
// registered the same strategies; mostly it is the same program, which tells by an argument what it is to do.
type Isolator func(ctx context.Context) *exec.Cmd

// A task is what an isolated process is to do: one strategy, once.
type task struct {
	Workload *workload.Workload
	Strategy string
	Run      int // which of all; it decides on the choices of the operations, but not on the keys
	Procs    int
	Duration time.Duration
	Seed     uint64
}

// An answer is what it has measured.
type answer struct {
	Round        Round
	Disqualified string `json:",omitempty"`
}

// isolated runs one strategy in a process of its own. It returns false if that did not come back; it is gone then.
func (s *session[K, V]) isolated(ctx context.Context, name string) (Round, bool, error) {
	s.isolatedRuns++
	text, err := json.Marshal(task{s.Workload, name, s.isolatedRuns, s.Options.Procs, s.Duration, s.Options.Seed})
	if err != nil {
		return Round{}, true, err
	}
	limited, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	process := s.Isolate(limited)
	process.Stdin, process.Stdout, process.Stderr = bytes.NewReader(text), &stdout, &stderr
	process.WaitDelay = time.Second // for what the process may have left behind
	if err := process.Run(); err != nil {
		if limited.Err() != nil {
			return Round{}, ctx.Err() != nil, ctx.Err()
		}
		return Round{}, true, crash(err, stderr.String())
	}
	var a answer
	if err := json.Unmarshal(stdout.Bytes(), &a); err != nil {
		return Round{}, true, fmt.Errorf("its process answered what is no result: %w", err)
	}
	if a.Disqualified != "" {
		return a.Round, true, errors.New(a.Disqualified)
	}
	return a.Round, true, nil
}

// crash says in one line how a process ended: by the first line that it wrote, as that of a Go program has the reason.
func crash(err error, stderr string) error {
	first, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	if first == "" {
		return fmt.Errorf("its process ended: %w", err)
	}
	return fmt.Errorf("its process ended: %w: %s", err, first)
}

// Isolated reads a task, does it and writes the answer. It is what a process started by an [Isolator] calls.
func Isolated(ctx context.Context, strategies []strategy.Strategy, r io.Reader, w io.Writer) error {
	var t task
	if err := json.NewDecoder(bufio.NewReader(r)).Decode(&t); err != nil {
		return fmt.Errorf("isolated: the task is no JSON: %w", err)
	}
	if t.Workload == nil {
		return errors.New("isolated: the task has no workload")
	}
	one := nothingStrategy
	if t.Strategy != nothingName {
		i := slices.IndexFunc(strategies, func(s strategy.Strategy) bool { return s.Name == t.Strategy })
		if i < 0 {
			return fmt.Errorf("isolated: unknown strategy %q: the process has not registered it", t.Strategy)
		}
		one = strategies[i]
	}
	o := Options{Rounds: 1, Duration: t.Duration, Procs: t.Procs, Seed: t.Seed}
	o.complete(t.Workload)
	runtime.GOMAXPROCS(o.Procs)
	start := starter{ctx: ctx, strategies: []strategy.Strategy{one}, Options: o, single: t.Run}
	start.start(&Result{Workload: t.Workload})
	return json.NewEncoder(w).Encode(start.answer)
}

// alone runs the only strategy once, in a process that was started for it.
func (s *session[K, V]) alone(ctx context.Context, run int) answer {
	s.bench.vary(uint64(run) << 32) // choices that are not those of other rounds
	round, ok, err := guard.Within(ctx, s.Patience, func() (Round, error) { return s.bench.measure(ctx, s.makers[0]) })
	a := answer{Round: round}
	switch {
	case !ok:
		a.Disqualified = fmt.Sprintf("did not come back within %v", s.Patience)
	case err != nil:
		a.Disqualified = err.Error()
	}
	return a
}
