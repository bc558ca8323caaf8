package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// testSeed returns the seed of a randomised test and prints it, so that a failure can be had again with
// SHARDMAP_SEED=<seed> go test -run <test>.
func testSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("SHARDMAP_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SHARDMAP_SEED=%s: %v", s, err)
		}
	}
	t.Logf("SHARDMAP_SEED=%d", seed)
	return seed
}

// lagging is an API server, and a cache that lags behind it as far as the test wants. Requests fail, and answers get
// lost, and children are lost at the worst of times, while there is trouble.
type lagging struct {
	client.Client
	reconciler *expectingReplicas

	mu      sync.Mutex
	rng     *rand.Rand
	trouble bool
	parent  Parent
	last    int     // the last UID given out
	live    []Child // at the API server
	cached  []Child
	events  []change // that the cache has not shown yet
}

type change struct {
	child Child
	gone  bool
}

var errBroken = errors.New("the connection broke")

// lateCache is what the reconciler reads from; the lagging itself is the API server.
type lateCache struct{ *lagging }

func (c lateCache) Get(_ context.Context, _ client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	*obj.(*Parent) = c.parent
	return nil
}

func (c lateCache) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	list.(*List[ChildSpec]).Items = c.of(c.cached)
	return nil
}

// of returns those of the children that are the parent's.
func (l *lagging) of(children []Child) (own []Child) {
	for _, c := range children {
		if ownerOf(&c) == l.parent.UID {
			own = append(own, c)
		}
	}
	return own
}

func (l *lagging) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.live {
		if c.Name == key.Name {
			*obj.(*Child) = c
			return nil
		}
	}
	return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
}

func (c lateCache) Create(_ context.Context, obj client.Object, _ ...client.CreateOption) error {
	l := c.lagging
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.trouble && l.rng.IntN(8) == 0 {
		return errBroken
	}
	child := obj.(*Child)
	if slices.ContainsFunc(l.live, func(c Child) bool { return c.Name == child.Name }) {
		return apierrors.NewAlreadyExists(schema.GroupResource{}, child.Name)
	}
	l.last++
	created := *child
	created.UID = types.UID(strconv.Itoa(l.last))
	l.live = append(l.live, created)
	l.events = append(l.events, change{child: created})
	if l.trouble && l.rng.IntN(4) == 0 { // before the answer is there
		l.evict()
		l.show(l.rng.IntN(4))
	}
	if l.trouble && l.rng.IntN(4) == 0 {
		return errBroken
	}
	*child = created
	return nil
}

// evict deletes a child, if there is one.
func (l *lagging) evict() {
	if own := l.of(l.live); len(own) > 0 {
		gone := own[l.rng.IntN(len(own))]
		l.live = slices.DeleteFunc(l.live, func(c Child) bool { return c.UID == gone.UID })
		l.events = append(l.events, change{gone, true})
	}
}

// show has the cache show the next n events.
func (l *lagging) show(n int) {
	for ; n > 0 && len(l.events) > 0; n-- {
		e := l.events[0]
		l.events = l.events[1:]
		if e.gone {
			l.cached = slices.DeleteFunc(l.cached, func(c Child) bool { return c.UID == e.child.UID })
			l.reconciler.forget(&e.child)
		} else {
			l.cached = append(l.cached, e.child)
		}
	}
}

// recreate deletes the parent and creates another one of that name.
func (l *lagging) recreate(version int) {
	if l.parent.UID != "" {
		if _, err := l.reconciler.expected.Delete(&l.parent); err != nil {
			panic(err)
		}
	}
	l.parent = Parent{Spec: ParentSpec{Replicas: 1 + l.rng.IntN(6)}}
	l.parent.Namespace, l.parent.Name = "default", "parent"
	l.parent.UID = types.UID(fmt.Sprintf("parent-%d", version))
	l.parent.ResourceVersion = strconv.Itoa(version)
}

// Properties, however late the cache is, and whatever happens to requests and children:
//
//  1. a parent never has more children than it wants;
//  2. when the cache has caught up, it has as many – if requests have failed, when patience is over.
func TestAParentNeverHasTooManyChildren(t *testing.T) {
	seed := testSeed(t)
	for i := range uint64(200) {
		l := &lagging{reconciler: newExpectingReplicas(), rng: rand.New(rand.NewPCG(seed, i)), trouble: i%2 == 0}
		l.reconciler.Client, l.reconciler.api = lateCache{l}, l
		l.recreate(1)
		for step := range 100 {
			l.step(t, 2+step)
			if have := len(l.of(l.live)); have > l.parent.Spec.Replicas {
				t.Fatalf("run %d, step %d: %d children, want %d at most", i, step, have, l.parent.Spec.Replicas)
			}
		}
		hadTrouble := l.trouble
		l.trouble = false
		for range 2 {
			l.show(len(l.events))
			if hadTrouble {
				l.losePatience(t)
			}
			l.reconcile(t)
		}
		if have := len(l.of(l.live)); have != l.parent.Spec.Replicas {
			t.Fatalf("run %d: %d children in the end, want %d", i, have, l.parent.Spec.Replicas)
		}
	}
}

// step does something.
func (l *lagging) step(t *testing.T, version int) {
	switch l.rng.IntN(10) {
	case 0, 1, 2, 3:
		l.reconcile(t)
	case 4, 5, 6:
		l.show(l.rng.IntN(4))
	case 7:
		l.evict()
	case 8:
		l.parent.Spec.Replicas = min(l.parent.Spec.Replicas+l.rng.IntN(3), 10)
		l.parent.ResourceVersion = strconv.Itoa(version)
	case 9:
		if l.rng.IntN(5) == 0 {
			l.recreate(version)
		}
	}
}

func (l *lagging) reconcile(t *testing.T) {
	key := client.ObjectKeyFromObject(&l.parent)
	_, err := l.reconciler.Reconcile(t.Context(), reconcile.Request{NamespacedName: key})
	if err != nil && !(l.trouble && (errors.Is(err, errBroken) || apierrors.IsNotFound(err))) {
		t.Fatal(err)
	}
}

// losePatience has the last expectation be older than patience.
func (l *lagging) losePatience(t *testing.T) {
	_, err := l.reconciler.expected.Update(client.ObjectKeyFromObject(&l.parent), l.parent.UID,
		func(e expectations) (expectations, error) {
			e.since = e.since.Add(-2 * patience)
			return e, nil
		})
	if err != nil {
		t.Fatal(err)
	}
}
