package shard

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1api "k8s.io/api/coordination/v1"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"
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

// outage makes all requests of a client fail while it lasts.
type outage struct {
	mu   sync.Mutex
	down bool
}

func (o *outage) set(down bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down = down
}

func (o *outage) network(_ context.Context, execute func() error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.down {
		return errDown
	}
	return execute()
}

func TestALeaseThatCannotBeRenewedIsLostBeforeOthersTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cut := newFakeLeases(), &outage{}
		a := run(t, store.client(cut.network), Options{Identity: "a", Partitions: 8})
		sleep()
		b := run(t, store, Options{Identity: "b", Partitions: 8})
		sleep()
		p := a.grant.Load().held.list()[0]
		key := a.keyOf(p)
		worked := make(chan error)
		go func() {
			worked <- a.Do(t.Context(), key, func(ctx context.Context) error {
				<-ctx.Done()
				if a.Owns(key) || b.Owns(key) {
					t.Errorf("when the work is told to end, a owns it: %v, b: %v", a.Owns(key), b.Owns(key))
				}
				return context.Cause(ctx)
			})
		}()
		synctest.Wait()
		cut.set(true)
		cutAt := time.Now()
		if err := <-worked; err != ErrLost {
			t.Errorf("the work ends with %v", err)
		}
		if d := time.Since(cutAt); d > a.options.RenewDeadline {
			t.Errorf("the work was told to end %v after the last renewal", d)
		}
		sleep()
		if a.owned() != 0 || b.owned() != 8 {
			t.Errorf("a is cut off and owns %d partitions, b %d of 8", a.owned(), b.owned())
		}
		cut.set(false)
		sleep()
		if a.owned() == 0 || a.owned()+b.owned() != 8 {
			t.Errorf("a is back and owns %d partitions, b %d of 8", a.owned(), b.owned())
		}
		a.end(t)
		b.end(t)
	})
}

func TestAnAPIServerThatIsAwayIsNamedAndNothingIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cut, owners := newFakeLeases(), &outage{}, newTable(t)
		store.network = cut.network
		var replicas []*replica
		for _, id := range []string{"a", "b", "c"} {
			replicas = append(replicas, run(t, store, owners.follow(Options{Identity: id})))
		}
		for range 3 {
			sleep()
			if n := len(owners.owners); n != 128 {
				t.Fatalf("%d of 128 partitions are owned: %v", n, owners.counts())
			}
			cut.set(true)
			sleep()
			if n := len(owners.owners); n > 0 {
				t.Fatalf("while there is no API server, %d partitions are owned", n)
			}
			cut.set(false)
		}
		sleep()
		cut.set(true)
		for _, r := range replicas {
			r.stop()
			<-r.ended
			if r.err == nil || !errors.Is(r.err, errDown) || !strings.Contains(r.err.Error(), r.Name()) {
				t.Errorf("Run returns %v, want the Lease's name and that the connection was refused", r.err)
			}
		}
	})
}

func TestFailuresAreLoggedAndRetriedWithBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, requests := newFakeLeases(), 0
		store.network = func(context.Context, func() error) error {
			requests++
			return errDown
		}
		logger := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
		s, err := New(store, Options{Group: "widgets", Identity: "a"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(klog.NewContext(t.Context(), logger), time.Minute)
		defer cancel()
		if err := s.Run(ctx); err != nil {
			t.Error(err) // there is no Lease to be left behind
		}
		if requests < 20 || requests > 60 { // one in 2 to 3 seconds, and some more at the beginning
			t.Errorf("%d requests in a minute", requests)
		}
		want := "shard: creating Lease " + s.Name() + ": connection refused"
		logged := logger.GetSink().(ktesting.Underlier).GetBuffer().Data()
		if len(logged) != requests || logged[0].Err.Error() != want {
			t.Errorf("%d requests are logged as %d lines like %+v, want %q", requests, len(logged), logged[0], want)
		}
	})
}

func TestALeaseThatSomebodyDeletesOrChangesIsLostAndMadeAnew(t *testing.T) {
	for name, harm := range map[string]func(f *fakeLeases, name string){
		"deleted": (*fakeLeases).deleteByHand,
		"emptied": func(f *fakeLeases, name string) {
			f.edit(name, func(l *coordinationv1api.Lease) { l.Annotations[ownedAnnotation] = "00" })
		},
		"bared": func(f *fakeLeases, name string) {
			f.edit(name, func(l *coordinationv1api.Lease) { l.Annotations = nil })
		},
		"made another's": func(f *fakeLeases, name string) {
			f.edit(name, func(l *coordinationv1api.Lease) { l.UID = "other" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				leases := newFakeLeases()
				var events []string
				a := run(t, leases, Options{
					Identity: "a", Partitions: 8,
					OnGained: func([]int) { events = append(events, "gained") },
					OnLost:   func([]int) { events = append(events, "lost") },
				})
				sleep()
				harm(leases, a.Name())
				sleep()
				if a.owned() != 8 {
					t.Errorf("afterwards it owns %d of 8 partitions", a.owned())
				}
				a.end(t)
				got := strings.Join(events, " ")
				if want := "gained lost gained lost"; got != want && (name != "bared" || got != "gained lost") {
					t.Errorf("it %s, want %s", got, want)
				}
			})
		})
	}
}

func TestALeaseThatCannotBeUnderstoodBlocksUntilItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leases := newFakeLeases()
		strange := &coordinationv1api.Lease{}
		strange.Name, strange.Labels = "strange", map[string]string{groupLabel: "widgets"}
		leases.put(strange)
		a := run(t, leases, Options{Identity: "a", Partitions: 8})
		time.Sleep(defaultLeaseDuration - time.Second)
		if a.owned() > 0 {
			t.Errorf("a owns %d partitions", a.owned())
		}
		sleep()
		if a.owned() != 8 || leases.count() != 1 {
			t.Errorf("afterwards a owns %d of 8 partitions; %d Leases", a.owned(), leases.count())
		}
		a.end(t)
	})
}

func TestReplicasWithAnotherNumberOfPartitionsWaitForTheOldOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leases := newFakeLeases()
		a := run(t, leases, Options{Identity: "a", Partitions: 8})
		sleep()
		b := run(t, leases, Options{Identity: "b", Partitions: 16})
		sleep()
		if a.owned() != 8 || b.owned() != 0 {
			t.Errorf("beside each other, a owns %d of 8 partitions, b %d of 16", a.owned(), b.owned())
		}
		a.end(t)
		sleep()
		if b.owned() != 16 {
			t.Errorf("afterwards b owns %d of 16 partitions", b.owned())
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
