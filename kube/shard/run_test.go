package shard

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestReplicasShareAllPartitionsAndTakeThemFromOneThatLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leases, owners := newFakeLeases(), newTable(t)
		a := run(t, leases, owners.follow(Options{Identity: "a"}))
		sleep()
		if n := a.owned(); n != 128 || owners.counts()["a"] != 128 {
			t.Errorf("alone, a owns %d partitions and gained %v", n, owners.counts())
		}
		b := run(t, leases, owners.follow(Options{Identity: "b"}))
		c := run(t, leases, owners.follow(Options{Identity: "c"}))
		sleep()
		counts := owners.counts()
		if n := a.owned() + b.owned() + c.owned(); n != 128 || counts["a"]+counts["b"]+counts["c"] != 128 {
			t.Errorf("together they own %d partitions and gained %v", n, counts)
		}
		for identity, n := range counts {
			if n < 128/6 {
				t.Errorf("%s has %d partitions of 128: too few for one of three", identity, n)
			}
		}
		before := counts["c"]
		b.end(t)
		if a.owned()+c.owned()+b.owned() > 128 || b.owned() > 0 {
			t.Errorf("b has left, and owns %d partitions", b.owned())
		}
		sleep()
		if counts := owners.counts(); counts["a"]+counts["c"] != 128 || counts["c"] < before {
			t.Errorf("after b has left: %v", counts)
		}
		a.end(t)
		c.end(t)
		if counts := owners.counts(); len(counts) > 0 || leases.count() > 0 {
			t.Errorf("after all have left: %v, %d Leases", counts, leases.count())
		}
	})
}

func TestAPartitionIsHandedOverAfterItsWorkHasReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leases := newFakeLeases()
		a := run(t, leases, Options{Identity: "a", Partitions: 8, DrainTimeout: time.Minute})
		sleep()
		var working sync.WaitGroup
		var timedOut atomic.Int32
		for p := range 8 {
			working.Go(func() {
				err := a.Do(t.Context(), a.keyOf(p), func(ctx context.Context) error {
					began := time.Now()
					select {
					case <-ctx.Done(): // the drain timeout
						timedOut.Add(1)
						if context.Cause(ctx) != ErrLost || time.Since(began) < time.Minute {
							t.Errorf("the work is ended after %v: %v", time.Since(began), context.Cause(ctx))
						}
					case <-time.After(5 * time.Minute): // it stays
					}
					time.Sleep(time.Minute) // cannot be hurried
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		b := run(t, leases, Options{Identity: "b", Partitions: 8})
		sleep()
		kept := a.owned()
		if kept == 8 || b.owned() > 0 {
			t.Fatalf("while there is work in all, a owns %d, b %d of 8 partitions", kept, b.owned())
		}
		working.Wait()
		sleep()
		if n := int(timedOut.Load()); n != 8-kept {
			t.Errorf("work in %d partitions was told to end, want %d", n, 8-kept)
		}
		if a.owned() != kept || b.owned() != 8-kept {
			t.Errorf("afterwards a owns %d, b %d of 8 partitions; before, a owned %d", a.owned(), b.owned(), kept)
		}
		a.end(t)
		b.end(t)
	})
}

func TestLeavingWaitsForWorkAndThenGivesEverythingAwayAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leases := newFakeLeases()
		a := run(t, leases, Options{Identity: "a", Partitions: 8})
		sleep()
		b := run(t, leases, Options{Identity: "b", Partitions: 8})
		sleep()
		p := a.grant.Load().held.list()[0]
		finish, began := make(chan struct{}), make(chan struct{})
		go func() {
			_ = a.Do(t.Context(), a.keyOf(p), func(context.Context) error {
				close(began)
				<-finish
				return nil
			})
		}()
		<-began
		a.stop()
		sleep()
		if b.owned() != 7 || a.owned() > 0 || a.Owns(a.keyOf(p)) {
			t.Errorf("while a drains one partition, b owns %d of 8, a %d", b.owned(), a.owned())
		}
		if err := a.Do(t.Context(), a.keyOf(p), nil); err != ErrLost {
			t.Errorf("new work in a partition that drains: %v", err)
		}
		close(finish)
		a.end(t)
		time.Sleep(defaultLeaseDuration / 2) // nobody waits for a Lease to expire
		if b.owned() != 8 {
			t.Errorf("after a has left, b owns %d of 8 partitions", b.owned())
		}
		b.end(t)
	})
}

func TestACallbackThatDoesNotReturnEndsTheRunAndOthersTakeOver(t *testing.T) {
	for name, fail := range map[string]func(){
		"panic: no":                func() { panic("no") },
		"it called runtime.Goexit": runtime.Goexit,
	} {
		for _, callback := range []string{"OnGained", "OnLost"} {
			t.Run(callback+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					leases := newFakeLeases()
					o := Options{Identity: "a", Partitions: 8}
					b := run(t, leases, Options{Identity: "b", Partitions: 8})
					sleep()
					if callback == "OnGained" {
						o.OnGained = func([]int) { fail() }
					} else {
						o.OnLost = func([]int) { fail() }
					}
					a := run(t, leases, o)
					sleep()
					a.stop()
					<-a.ended
					if a.err == nil || !strings.Contains(a.err.Error(), "shard: "+callback) || !strings.Contains(a.err.Error(), name) {
						t.Errorf("Run returns %v", a.err)
					}
					sleep()
					if b.owned() != 8 || leases.count() != 1 {
						t.Errorf("b owns %d of 8 partitions, %d Leases", b.owned(), leases.count())
					}
					b.end(t)
				})
			})
		}
	}
}

func TestWorkThatPanicsOrExitsIsNotCountedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := run(t, newFakeLeases(), Options{Identity: "a", Partitions: 8})
		sleep()
		for _, fail := range []func(){func() { panic("no") }, runtime.Goexit} {
			var working sync.WaitGroup
			working.Go(func() {
				defer func() { _ = recover() }()
				_ = a.Do(t.Context(), a.keyOf(1), func(context.Context) error {
					fail()
					return nil
				})
			})
			working.Wait()
		}
		a.end(t) // waits for what is counted
	})
}

func TestAGrantThatSomebodyFoundExpiredIsNotRenewed(t *testing.T) {
	var events []string
	s, err := New(newFakeLeases(), Options{
		Group: "widgets", Identity: "a",
		OnGained: func([]int) { events = append(events, "gained") },
		OnLost:   func([]int) { events = append(events, "lost") },
	})
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{held: firstN(8), until: time.Now(), n: 128}
	called := make(chan struct{})
	close(called)
	r := &runner{Sharder: s, machine: m, published: spent, called: called, cancel: func(error) {}}
	r.apply(t.Context())
	if s.owns(3) { // after the deadline; but the machine looked before, and goes on
		t.Error("owned after the deadline")
	}
	m.until = time.Now().Add(time.Hour)
	r.apply(t.Context())
	<-r.called
	if got := strings.Join(events, " "); s.owns(3) || !m.held.isEmpty() || got != "gained lost" {
		t.Errorf("the key that was refused is owned: %v; the machine holds %v, it %s", s.owns(3), m.held.list(), got)
	}
}

// TestWhoeverRenewsAGrantNoticesThatItWasRefused lets a renewal and a refusal meet: of an expired grant and its renewal by
// Run, either Owns has said no and the renewal fails, or it has not and it succeeds.
func TestWhoeverRenewsAGrantNoticesThatItWasRefused(t *testing.T) {
	s, err := New(newFakeLeases(), Options{Group: "widgets", Identity: "a"})
	if err != nil {
		t.Fatal(err)
	}
	const rounds = 100_000
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	var round, answered atomic.Int32
	var owned atomic.Bool
	var asking sync.WaitGroup
	defer asking.Wait()
	asking.Go(func() {
		for i := range int32(rounds) {
			for round.Load() <= i {
				runtime.Gosched()
			}
			owned.Store(s.owns(3))
			answered.Store(i + 1)
		}
	})
	renewals, wrong := 0, 0
	for i := range int32(rounds) {
		expired := &grant{held: firstN(8), until: past}
		s.grant.Store(expired)
		round.Store(i + 1)
		for range i % 1024 { // so that they meet everywhere
			_ = answered.Load()
		}
		renewed := s.grant.CompareAndSwap(expired, &grant{held: firstN(8), until: future})
		for answered.Load() <= i {
			runtime.Gosched()
		}
		if renewed {
			renewals++
		}
		if owned.Load() != renewed {
			wrong++
		}
	}
	t.Logf("of %d grants, %d were renewed before they were refused", rounds, renewals)
	if wrong > 0 {
		t.Errorf("in %d of %d rounds, the renewal succeeds though Owns said no, or the other way round", wrong, rounds)
	}
}

func TestOwnsAllocatesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := run(t, newFakeLeases(), Options{Identity: "a"})
		sleep()
		key := a.keyOf(1)
		if n := testing.AllocsPerRun(100, func() { a.Owns(key) }); n > 0 {
			t.Errorf("%v allocations", n)
		}
		a.end(t)
	})
}

func TestASharderRunsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := run(t, newFakeLeases(), Options{Identity: "a"})
		sleep()
		if err := a.Start(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "shard: Run of "+a.Name()) {
			t.Errorf("Start of one that runs: %v", err)
		}
		if a.NeedLeaderElection() {
			t.Error("it waits to be elected")
		}
		a.end(t)
	})
}
