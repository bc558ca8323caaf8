package shard

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1api "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
)

// fakeLeases is a client of a store of Leases with the preconditions of the real one; tests against that are in
// kubetest.
type fakeLeases struct {
	coordinationv1.LeaseInterface // what is not overridden is not called
	*leaseStore
	network network
}

type leaseStore struct {
	mu       sync.Mutex
	versions int
	leases   map[string]*coordinationv1api.Lease
}

// A network, if not nil, is called for each request, with the client's context, what it is a request for, and the function
// that carries it out.
type network func(ctx context.Context, v verb, execute func() error) error

var resource = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}

// errDown is what requests fail with that do not arrive.
var errDown = errors.New("connection refused")

func newFakeLeases() *fakeLeases {
	return &fakeLeases{leaseStore: &leaseStore{leases: map[string]*coordinationv1api.Lease{}}}
}

// client returns another client of the same store.
func (f *fakeLeases) client(n network) *fakeLeases {
	return &fakeLeases{leaseStore: f.leaseStore, network: n}
}

func (f *fakeLeases) via(ctx context.Context, v verb, execute func() error) error {
	locked := func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		return execute()
	}
	if f.network == nil {
		return locked()
	}
	return f.network(ctx, v, locked)
}

// put stores a copy of lease as a new version, and returns another.
func (f *fakeLeases) put(lease *coordinationv1api.Lease) *coordinationv1api.Lease {
	f.versions++
	lease = lease.DeepCopy()
	lease.ResourceVersion = strconv.Itoa(f.versions)
	if lease.UID == "" {
		lease.UID = types.UID("uid-" + lease.ResourceVersion)
	}
	f.leases[lease.Name] = lease
	return lease.DeepCopy()
}

func (f *fakeLeases) Create(
	ctx context.Context, lease *coordinationv1api.Lease, _ metav1.CreateOptions,
) (result *coordinationv1api.Lease, err error) {
	err = f.via(ctx, create, func() error {
		if f.leases[lease.Name] != nil {
			return apierrors.NewAlreadyExists(resource, lease.Name)
		}
		result = f.put(lease)
		return nil
	})
	return result, err
}

func (f *fakeLeases) Update(
	ctx context.Context, lease *coordinationv1api.Lease, _ metav1.UpdateOptions,
) (result *coordinationv1api.Lease, err error) {
	err = f.via(ctx, update, func() error {
		at := f.leases[lease.Name]
		if at == nil {
			return apierrors.NewNotFound(resource, lease.Name)
		}
		if at.UID != lease.UID || at.ResourceVersion != lease.ResourceVersion {
			return apierrors.NewConflict(resource, lease.Name, errors.New("it has changed"))
		}
		result = f.put(lease)
		return nil
	})
	return result, err
}

func (f *fakeLeases) Get(
	ctx context.Context, name string, _ metav1.GetOptions,
) (result *coordinationv1api.Lease, err error) {
	err = f.via(ctx, get, func() error {
		if f.leases[name] == nil {
			return apierrors.NewNotFound(resource, name)
		}
		result = f.leases[name].DeepCopy()
		return nil
	})
	return result, err
}

func (f *fakeLeases) Delete(ctx context.Context, name string, o metav1.DeleteOptions) error {
	return f.via(ctx, remove, func() error {
		at := f.leases[name]
		if at == nil {
			return apierrors.NewNotFound(resource, name)
		}
		if at.UID != *o.Preconditions.UID || at.ResourceVersion != *o.Preconditions.ResourceVersion {
			return apierrors.NewConflict(resource, name, errors.New("it has changed"))
		}
		delete(f.leases, name)
		return nil
	})
}

func (f *fakeLeases) List(
	ctx context.Context, o metav1.ListOptions,
) (result *coordinationv1api.LeaseList, err error) {
	err = f.via(ctx, list, func() error {
		selector, err := labels.Parse(o.LabelSelector)
		if err != nil || o.ResourceVersion != "" {
			return errors.New("want the most recent list, by label")
		}
		result = &coordinationv1api.LeaseList{}
		for _, lease := range f.leases {
			if selector.Matches(labels.Set(lease.Labels)) {
				result.Items = append(result.Items, *lease.DeepCopy())
			}
		}
		return nil
	})
	return result, err
}

// count returns how many Leases there are.
func (f *fakeLeases) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.leases)
}

// edit changes a Lease by hand.
func (f *fakeLeases) edit(name string, change func(*coordinationv1api.Lease)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f.leases[name])
	f.put(f.leases[name])
}

func (f *fakeLeases) deleteByHand(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.leases, name)
}

// A table is who has gained which partition and has not lost it again.
type table struct {
	t      *testing.T
	mu     sync.Mutex
	owners map[int]string
}

func newTable(t *testing.T) *table { return &table{t: t, owners: map[int]string{}} }

// follow lets the table follow a replica by its callbacks.
func (tb *table) follow(o Options) Options {
	o.OnGained = func(partitions []int) {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		for _, p := range partitions {
			if owner := tb.owners[p]; owner != "" {
				tb.t.Errorf("%s gains partition %d, which %s has not lost", o.Identity, p, owner)
			}
			tb.owners[p] = o.Identity
		}
	}
	o.OnLost = func(partitions []int) {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		for _, p := range partitions {
			if owner := tb.owners[p]; owner != o.Identity {
				tb.t.Errorf("%s loses partition %d, which %q has gained", o.Identity, p, owner)
			}
			delete(tb.owners, p)
		}
	}
	return o
}

// counts returns how many partitions each replica has.
func (tb *table) counts() map[string]int {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	counts := map[string]int{}
	for _, owner := range tb.owners {
		counts[owner]++
	}
	return counts
}

// A replica is a Sharder that runs.
type replica struct {
	*Sharder
	stop  func()
	ended chan struct{}
	err   error // after ended
}

func run(t *testing.T, leases coordinationv1.LeaseInterface, o Options) *replica {
	t.Helper()
	if o.Group == "" {
		o.Group = "widgets"
	}
	s, err := New(leases, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r := &replica{Sharder: s, stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.err = s.Run(ctx)
	}()
	return r
}

// end stops a replica, and fails the test if Run returns an error.
func (r *replica) end(t *testing.T) {
	t.Helper()
	r.stop()
	<-r.ended
	if r.err != nil {
		t.Errorf("Run of %s: %v", r.Name(), r.err)
	}
}

// owned returns how many partitions a replica owns.
func (r *replica) owned() (n int) {
	for p := range r.options.Partitions {
		if r.owns(p) {
			n++
		}
	}
	return n
}

// keyOf returns a key in partition p.
func (r *replica) keyOf(p int) types.NamespacedName {
	for i := 0; ; i++ {
		key := types.NamespacedName{Namespace: "default", Name: "widget-" + strconv.Itoa(i)}
		if r.Partition(key) == p {
			return key
		}
	}
}

// settle is long enough, in the bubble's time, for everything to be shared as it should, whoever died or came.
const settle = 3 * defaultLeaseDuration

func sleep() { time.Sleep(settle); synctest.Wait() }
