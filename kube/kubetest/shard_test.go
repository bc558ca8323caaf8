//go:build linux

package kubetest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/shardmap-go/shardmap/kube/kubetest"
)

// Package shard with replicas that are processes, against a real API server. Each replica reconciles each key that it
// owns over and over, and logs when; the properties are
//
//	P1. no two replicas reconcile a key at a time, but for what was in flight when a replica was paused;
//	P2. after each disturbance, each key is reconciled again.

// installLeases installs Leases, which the server of kubetest does not have, as custom resources.
func installLeases(ctx context.Context, t *testing.T, server *kubetest.Server) {
	t.Helper()
	crd := kubetest.NewCRD("coordination.k8s.io", "v1", "Lease", "leases")
	crd.Annotations = map[string]string{"api-approved.kubernetes.io": "unapproved, for a test"}
	if err := server.InstallCRD(ctx, crd); err != nil {
		t.Fatal(err)
	}
}

// A fleet is the replicas of a test.
type fleet struct {
	t      *testing.T
	ctx    context.Context
	server *kubetest.Server
	log    *eventLog
	ends   map[string]int64   // when processes have ended, by identity
	pauses map[string][]int64 // when they were stopped
}

func newFleet(t *testing.T) *fleet {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	server := must(kubetest.Start(ctx))(t)
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	installLeases(ctx, t, server)
	return &fleet{
		t: t, ctx: ctx, server: server, log: newEventLog(t),
		ends: map[string]int64{}, pauses: map[string][]int64{},
	}
}

type process struct {
	*exec.Cmd
	fleet    *fleet
	identity string
	output   *bytes.Buffer
}

// start starts a replica. It is killed when the test ends, if it runs then.
func (f *fleet) start(identity string, skew, work time.Duration) *process {
	f.t.Helper()
	rest := f.server.Config()
	config := must(json.Marshal(replicaConfig{
		Host: rest.Host, CAFile: rest.CAFile, Log: f.log.name, Identity: identity, Skew: skew, Work: work,
	}))(f.t)
	p := &process{exec.Command(must(os.Executable())(f.t)), f, identity, &bytes.Buffer{}}
	p.Env = append(os.Environ(), replicaEnv+"="+string(config))
	p.Stderr = p.output
	if err := p.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		if p.ProcessState == nil {
			_ = p.Process.Kill()
			_ = p.Wait()
		}
		if f.t.Failed() {
			f.t.Logf("%s: %s", identity, p.output)
		}
	})
	return p
}

// end sends a signal that ends the replica, and waits until it has.
func (p *process) end(signal syscall.Signal) {
	p.fleet.t.Helper()
	p.signal(signal)
	err := p.Wait()
	p.fleet.ends[p.identity] = monotonic()
	if signal != syscall.SIGKILL && err != nil {
		p.fleet.t.Errorf("%s ends with %v", p.identity, err)
	}
}

func (p *process) signal(signal syscall.Signal) {
	p.fleet.t.Helper()
	if err := p.Process.Signal(signal); err != nil {
		p.fleet.t.Fatal(err)
	}
}

// pause stops the replica, and returns when it has stopped.
func (p *process) pause() {
	p.fleet.t.Helper()
	p.signal(syscall.SIGSTOP)
	p.fleet.await(p.identity+" stops", func() bool {
		stat := must(os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Process.Pid)))(p.fleet.t)
		_, rest, _ := bytes.Cut(stat, []byte(") "))
		return bytes.HasPrefix(rest, []byte("T"))
	})
	p.fleet.pauses[p.identity] = append(p.fleet.pauses[p.identity], monotonic())
}

// await waits until done returns true.
func (f *fleet) await(what string, done func() bool) {
	f.t.Helper()
	for !done() {
		select {
		case <-f.ctx.Done():
			f.t.Fatalf("%s: not within %v", what, limit)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// events returns what the replicas have logged.
func (f *fleet) events() []event {
	f.t.Helper()
	return f.log.read(f.t)
}

// starts returns which keys were reconciled, and by whom, in reconciles that started after a time.
func (f *fleet) starts(after int64) (keys map[int]bool, replicas map[string]bool) {
	keys, replicas = map[int]bool{}, map[string]bool{}
	for _, e := range f.events() {
		if e.Kind == "start" && e.At > after {
			keys[e.Key], replicas[e.Identity] = true, true
		}
	}
	return keys, replicas
}

// allReconciled waits until every key has been reconciled from now on (P2), and each of the replicas has reconciled one.
func (f *fleet) allReconciled(when string, by ...string) {
	f.t.Helper()
	began := monotonic()
	f.await("every key is reconciled "+when, func() bool {
		keys, replicas := f.starts(began)
		return len(keys) == shardKeys && !slices.ContainsFunc(by, func(id string) bool { return !replicas[id] })
	})
	f.t.Logf("%s: every key is reconciled after %v", when, time.Duration(monotonic()-began).Round(time.Millisecond))
}

// A span is a reconcile, from start to end.
type span struct {
	start, end int64
	identity   string
	paused     bool // the replica was, in the middle
}

// overlaps checks P1: it returns each pair of reconciles of one key by two replicas at a time.
func overlaps(events []event, ends map[string]int64, pauses map[string][]int64) (found []string, spans int) {
	byKey := make([][]span, shardKeys)
	type id struct {
		identity string
		serial   int64
	}
	began := map[id]event{}
	finish := func(e event, end int64) {
		paused := slices.ContainsFunc(pauses[e.Identity], func(at int64) bool { return e.At <= at && at <= end })
		byKey[e.Key] = append(byKey[e.Key], span{e.At, end, e.Identity, paused})
		spans++
	}
	for _, e := range events {
		switch at := (id{e.Identity, e.Serial}); e.Kind {
		case "start":
			began[at] = e
		case "end":
			finish(began[at], e.At)
			delete(began, at)
		}
	}
	for _, e := range began { // the process was killed, or works still
		end, ok := ends[e.Identity]
		if !ok {
			end = math.MaxInt64
		}
		finish(e, end)
	}
	for key, of := range byKey {
		for i, a := range of {
			for _, b := range of[:i] {
				if a.identity != b.identity && !a.paused && !b.paused && a.start < b.end && b.start < a.end {
					found = append(found, fmt.Sprintf("key %d: %+v and %+v", key, a, b))
				}
			}
		}
	}
	return found, spans
}

func TestEachKeyIsReconciledByOneReplicaAtATimeAndNoneIsForgotten(t *testing.T) {
	f := newFleet(t)
	const quick, slow = 5 * time.Millisecond, time.Second
	a := f.start("a", -time.Hour, quick)
	b := f.start("b", time.Hour, slow)
	c := f.start("c", 0, quick)
	f.allReconciled("at the start", "a", "b", "c")

	a.end(syscall.SIGKILL)
	f.allReconciled("after a was killed", "b", "c")

	d := f.start("d", 24*time.Hour, quick)
	f.allReconciled("after d has joined", "b", "c", "d") // b is slow to drain what d is to have

	b.end(syscall.SIGTERM)
	f.allReconciled("after b has left", "c", "d")

	c.pause()
	f.allReconciled("while c is paused", "d")
	c.signal(syscall.SIGCONT)
	f.allReconciled("after c goes on", "c", "d")

	killed := monotonic() // Kill first cuts off the clients, and returns later
	if err := f.server.Kill(); err != nil {
		t.Error(err)
	}
	f.await("both lose everything while there is no API server", func() bool {
		lost := map[string]bool{}
		for _, e := range f.events() {
			if e.Kind == "lost" && e.At > killed {
				lost[e.Identity] = true
			}
		}
		return lost["c"] && lost["d"]
	})
	if err := f.server.Restart(f.ctx); err != nil {
		t.Fatal(err)
	}
	f.allReconciled("after the API server is back", "c", "d")

	e := f.start("e", 0, slow)
	f.allReconciled("after e has joined", "c", "d", "e")
	for _, p := range []*process{c, d, e} {
		p.end(syscall.SIGTERM)
	}

	found, spans := overlaps(f.events(), f.ends, f.pauses)
	for _, o := range found {
		t.Errorf("P1: %s", o)
	}
	t.Logf("%d reconciles", spans)
	clients := must(kubernetes.NewForConfig(f.server.Config()))(t)
	left := must(clients.CoordinationV1().Leases("default").List(f.ctx, metav1.ListOptions{}))(t)
	for _, lease := range left.Items { // that of a was deleted by the others
		t.Errorf("all have left, but for the Lease %s", lease.Name)
	}
}

func TestOverlapsAreFound(t *testing.T) {
	span := func(identity string, start, end int64) []event {
		return []event{
			{Kind: "start", At: start, Identity: identity, Key: 3, Serial: start},
			{Kind: "end", At: end, Identity: identity, Key: 3, Serial: start},
		}
	}
	apart := slices.Concat(span("a", 1, 5), span("b", 5, 9), span("a", 9, 12))
	if found, n := overlaps(apart, nil, nil); len(found) > 0 || n != 3 {
		t.Errorf("of %d apart: %v", n, found)
	}
	within := slices.Concat(span("a", 1, 5), span("b", 2, 3))
	if found, _ := overlaps(within, nil, nil); len(found) != 1 {
		t.Errorf("one within the other: %v", found)
	}
	if found, _ := overlaps(within, nil, map[string][]int64{"a": {2}}); len(found) != 0 {
		t.Errorf("one was in flight when its replica was paused: %v", found)
	}
	killed := slices.Concat(span("a", 1, 5)[:1], span("b", 4, 6), span("b", 8, 9))
	if found, _ := overlaps(killed, map[string]int64{"a": 7}, nil); len(found) != 1 {
		t.Errorf("one was killed at 7: %v", found)
	}
}
