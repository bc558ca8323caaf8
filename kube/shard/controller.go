package shard

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// Predicate returns a predicate that lets events of those objects pass whose own keys this replica owns, by
// [Sharder.Owns]. It is for the kind that the controller reconciles, in builder.WithPredicates of For. It is wrong for
// kinds whose events are mapped to other keys (Owns, Watches), and so in WithEventFilter if there are any: an owned
// object and its owner seldom share a partition. Leave those unfiltered; [Sharder.Reconciler] drops what is not owned.
func (s *Sharder) Predicate() predicate.Predicate {
	return predicate.NewPredicateFuncs(func(obj client.Object) bool {
		return obj != nil && s.Owns(client.ObjectKeyFromObject(obj))
	})
}

// Reconciler returns a reconciler that calls inner within [Sharder.Do] for the keys that this replica owns, and drops
// the others: their owner has them in its queue, or is given them when it gains the partition. It panics if inner is
// nil.
func (s *Sharder) Reconciler(inner reconcile.Reconciler) reconcile.Reconciler {
	if inner == nil {
		panic("shard: Reconciler(nil): want a reconciler")
	}
	return reconcile.Func(func(ctx context.Context, req reconcile.Request) (result reconcile.Result, err error) {
		began := false
		err = s.Do(ctx, req.NamespacedName, func(ctx context.Context) error {
			began = true
			result, err = inner.Reconcile(ctx, req)
			return err
		})
		if !began {
			return reconcile.Result{}, nil
		}
		return result, err
	})
}

// Source returns a source of the keys that this replica gains: after each gain, it reads all objects of list's type from
// reader, in all namespaces, and queues the keys in the gained partitions. For the manager's cache, or the client that
// reads from it, that costs no request. It waits until the cache has synced, and retries with
// backoff if reading fails. list is not modified; reader or list nil is a panic.
//
// list has to be of the form that For watches, so that it is read from the informer whose events Predicate sees: a
// metav1.PartialObjectMetadataList with builder.OnlyMetadata, an unstructured.UnstructuredList for an unstructured
// object, and else the typed list. Another form has another informer, which may be behind.
//
// Events that Predicate filters out are not lost then: the informer has an object before its event passes the predicate,
// so that an event that came too early is of an object that the list shows. Two kinds of keys no list shows, and they are
// lost: those of objects without finalizers that were deleted while nobody owned them, or whose deletion the old owner
// had not finished reconciling when the partition went; and those that are no objects of list's type, but that something
// else is mapped to. So where a deletion needs work, use finalizers.
func (s *Sharder) Source(reader client.Reader, list client.ObjectList) source.Source {
	if reader == nil || list == nil {
		panic("shard: Source with nil: want a reader and a list")
	}
	return source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		g := s.watchGains()
		go func() {
			defer s.unwatchGains(g)
			for {
				select {
				case <-ctx.Done():
					return
				case <-g.more:
				}
				s.enqueue(ctx, reader, list, g.take(), queue)
			}
		}()
		return nil
	})
}

// enqueue queues all keys in the gained partitions, and returns when it has, or ctx has ended.
func (s *Sharder) enqueue(
	ctx context.Context, reader client.Reader, list client.ObjectList, gained set,
	queue workqueue.TypedRateLimitingInterface[reconcile.Request],
) {
	backoff := s.newBackoff()
	for {
		err := s.enqueueOnce(ctx, reader, list, gained, queue)
		if err == nil || ctx.Err() != nil {
			return
		}
		delay := backoff.Step()
		klog.FromContext(ctx).Error(err, "Listing the keys of gained partitions failed and will be retried",
			"group", s.options.Group, "partitions", gained.list(), "retryAfter", delay)
		select {
		case <-ctx.Done():
			return
		case <-time.After(delay):
		}
	}
}

func (s *Sharder) enqueueOnce(
	ctx context.Context, reader client.Reader, list client.ObjectList, gained set,
	queue workqueue.TypedRateLimitingInterface[reconcile.Request],
) error {
	objects := list.DeepCopyObject().(client.ObjectList)
	if err := reader.List(ctx, objects); err != nil {
		return fmt.Errorf("shard: listing %T: %w", list, err)
	}
	return meta.EachListItem(objects, func(item runtime.Object) error {
		obj, err := meta.Accessor(item)
		if err != nil {
			return fmt.Errorf("shard: an item of %T: %w", list, err)
		}
		key := types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()}
		if gained.has(s.Partition(key)) {
			queue.Add(reconcile.Request{NamespacedName: key})
		}
		return nil
	})
}

// gains are the partitions that were gained since a source looked last.
type gains struct {
	more chan struct{}
	mu   sync.Mutex
	set  set // guarded by mu
}

func (g *gains) add(s set) {
	g.mu.Lock()
	g.set = g.set.union(s)
	g.mu.Unlock()
	select {
	case g.more <- struct{}{}:
	default: // it is told already
	}
}

func (g *gains) take() (s set) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s, g.set = g.set, set{}
	return s
}

// watchGains returns the gains from now on, and what is held now: it is registered before it looks what that is, so that
// what is gained meanwhile is told twice rather than not at all.
func (s *Sharder) watchGains() *gains {
	g := &gains{more: make(chan struct{}, 1)}
	s.mu.Lock()
	s.sources = append(s.sources, g)
	s.mu.Unlock()
	if held := s.grant.Load().held; !held.isEmpty() {
		g.add(held)
	}
	return g
}

func (s *Sharder) unwatchGains(g *gains) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.sources {
		if other == g {
			s.sources = append(s.sources[:i:i], s.sources[i+1:]...)
			return
		}
	}
}

func (s *Sharder) tellSources(gained set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.sources {
		g.add(gained)
	}
}
