package shard

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1api "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"
)

// outage makes requests of some kinds fail, and counts all.
type outage struct {
	mu       sync.Mutex
	down     []verb
	requests int
}

var allVerbs = []verb{create, get, update, list, remove}

// set makes requests of these kinds fail, and no others.
func (o *outage) set(down ...verb) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down = down
}

func (o *outage) network(_ context.Context, v verb, execute func() error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.requests++
	if slices.Contains(o.down, v) {
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
		cut.set(allVerbs...)
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
		cut.set()
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
			cut.set(allVerbs...)
			sleep()
			if n := len(owners.owners); n > 0 {
				t.Fatalf("while there is no API server, %d partitions are owned", n)
			}
			cut.set()
		}
		sleep()
		cut.set(allVerbs...)
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
		store, cut := newFakeLeases(), &outage{down: allVerbs}
		store.network = cut.network
		logger := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
		s, err := New(store, Options{Group: "widgets", Identity: "a"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(klog.NewContext(t.Context(), logger), time.Minute)
		defer cancel()
		if err := s.Run(ctx); !errors.Is(err, errDown) || !strings.Contains(err.Error(), s.Name()) {
			t.Errorf("Run returns %v; but a Lease may have been created", err)
		}
		if cut.requests < 20 || cut.requests > 60 { // one in 2 to 3 seconds, and some more at the beginning
			t.Errorf("%d requests in a minute", cut.requests)
		}
		want := "shard: creating Lease " + s.Name() + ": connection refused"
		logged := logger.GetSink().(ktesting.Underlier).GetBuffer().Data()
		if len(logged) != cut.requests || logged[0].Err.Error() != want {
			t.Errorf("%d requests are logged as %d lines like %+v, want %q", cut.requests, len(logged), logged[0], want)
		}
	})
}

func TestWritesThatFailAreRetriedWithBackoffThoughReadsSucceed(t *testing.T) {
	for _, v := range []verb{create, update} {
		t.Run(v.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, cut := newFakeLeases(), &outage{down: []verb{v}}
				a := run(t, store.client(cut.network), Options{Identity: "a", Partitions: 8})
				time.Sleep(time.Minute)
				cut.mu.Lock()
				if cut.requests < 20 || cut.requests > 100 { // a write and a read in 2 to 3 seconds, and some more at the beginning
					t.Errorf("%d requests in a minute", cut.requests)
				}
				cut.mu.Unlock()
				cut.set()
				sleep()
				if a.owned() != 8 {
					t.Errorf("afterwards it owns %d of 8 partitions", a.owned())
				}
				a.end(t)
			})
		})
	}
}

func TestListsThatFailKeepNoLeaseFromBeingRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cut, lost := newFakeLeases(), &outage{}, 0
		a := run(t, store.client(cut.network), Options{
			Identity: "a", Partitions: 8, RenewDeadline: 10 * time.Second, RenewInterval: 5 * time.Second,
			OnLost: func([]int) { lost++ },
		})
		sleep()
		cut.set(list)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if lost > 0 || a.owned() != 8 {
			t.Errorf("it lost partitions %d times, and owns %d of 8", lost, a.owned())
		}
		a.end(t)
	})
}

func TestAReplicaThatCannotListTakesNoShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cut := newFakeLeases(), &outage{down: []verb{list}}
		a := run(t, store, Options{Identity: "a", Partitions: 64})
		sleep()
		b := run(t, store.client(cut.network), Options{Identity: "b", Partitions: 64})
		sleep()
		if a.owned() != 64 || b.owned() != 0 {
			t.Errorf("b cannot list and owns %d partitions; a owns %d of 64", b.owned(), a.owned())
		}
		cut.set()
		sleep()
		had := b.owned()
		if had == 0 || a.owned()+had != 64 {
			t.Errorf("b can list and owns %d partitions; a owns %d of 64", had, a.owned())
		}
		cut.set(list)
		sleep()
		c := run(t, store, Options{Identity: "c", Partitions: 64})
		sleep()
		a.end(t)
		sleep()
		if b.owned() != had || c.owned() != 64-had {
			t.Errorf("b cannot list and owns %d partitions, before %d; c owns %d of 64", b.owned(), had, c.owned())
		}
		b.end(t)
		c.end(t)
	})
}

// lateCreation creates Leases a second later, and does not answer.
type lateCreation struct{ *fakeLeases }

func (l lateCreation) Create(
	ctx context.Context, lease *coordinationv1api.Lease, o metav1.CreateOptions,
) (*coordinationv1api.Lease, error) {
	time.AfterFunc(time.Second, func() { _, _ = l.fakeLeases.Create(context.Background(), lease, o) })
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestALeaseWhoseCreationIsOvertakenByTheEndIsNotLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFakeLeases()
		a := run(t, lateCreation{store}, Options{Identity: "a"})
		time.Sleep(time.Second / 2)
		a.end(t)
		sleep()
		if store.count() > 0 {
			t.Error("there is a Lease")
		}
	})
}
