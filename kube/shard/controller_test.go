package shard

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

func configMap(key types.NamespacedName) *corev1.ConfigMap {
	cm := &corev1.ConfigMap{}
	cm.Namespace, cm.Name = key.Namespace, key.Name
	return cm
}

func TestEventsAndRequestsOfOthersAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leases := newFakeLeases()
		a := run(t, leases, Options{Identity: "a", Partitions: 8})
		sleep()
		b := run(t, leases, Options{Identity: "b", Partitions: 8})
		sleep()
		failure := errors.New("failed")
		for p := range 8 {
			key := a.keyOf(p)
			passed, reconciled := 0, 0
			inner := reconcile.Func(func(context.Context, reconcile.Request) (reconcile.Result, error) {
				reconciled++
				return reconcile.Result{RequeueAfter: 5}, failure
			})
			for _, r := range []*replica{a, b} {
				pred, obj := r.Predicate(), configMap(key)
				owns := r.Owns(key)
				for _, got := range []bool{
					pred.Create(event.CreateEvent{Object: obj}), pred.Delete(event.DeleteEvent{Object: obj}),
					pred.Update(event.UpdateEvent{ObjectNew: obj}), pred.Generic(event.GenericEvent{Object: obj}),
				} {
					if got != owns {
						t.Errorf("partition %d: the event passes: %v, owned: %v", p, got, owns)
					}
				}
				if owns {
					passed++
				}
				result, err := r.Reconciler(inner).Reconcile(t.Context(), reconcile.Request{NamespacedName: key})
				if (err == failure) != owns || (result.RequeueAfter == 5) != owns {
					t.Errorf("partition %d, owned: %v: the reconcile returns %v, %v", p, owns, result, err)
				}
			}
			if passed != 1 || reconciled != 1 {
				t.Errorf("partition %d is owned by %d and reconciled by %d replicas", p, passed, reconciled)
			}
		}
		if a.Predicate().Create(event.CreateEvent{}) {
			t.Error("an event without an object passes")
		}
		a.end(t)
		b.end(t)
	})
}

func TestAReconcilersOwnErrLostIsItsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := run(t, newFakeLeases(), Options{Identity: "a"})
		sleep()
		inner := reconcile.Func(func(context.Context, reconcile.Request) (reconcile.Result, error) {
			return reconcile.Result{}, ErrLost
		})
		if _, err := a.Reconciler(inner).Reconcile(t.Context(), reconcile.Request{}); err != ErrLost {
			t.Errorf("the reconcile returns %v", err)
		}
		a.end(t)
	})
}

// lister lists ConfigMaps, after it has failed some times.
type lister struct {
	client.Reader
	failures int
	keys     []types.NamespacedName
}

func (l *lister) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	if l.failures > 0 {
		l.failures--
		return errDown
	}
	for _, key := range l.keys {
		list.(*corev1.ConfigMapList).Items = append(list.(*corev1.ConfigMapList).Items, *configMap(key))
	}
	return nil
}

func TestASourceQueuesTheKeysOfWhatIsGainedHoweverOftenListingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leases := newFakeLeases()
		a := run(t, leases, Options{Identity: "a", Partitions: 8})
		sleep()
		b := run(t, leases, Options{Identity: "b", Partitions: 8})
		sleep()
		reader := &lister{failures: 10}
		for p := range 8 {
			reader.keys = append(reader.keys, a.keyOf(p))
		}
		ctx, stop := context.WithCancel(t.Context())
		queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
		defer queue.ShutDown()
		list := &corev1.ConfigMapList{}
		if err := a.Source(reader, list).Start(ctx, queue); err != nil {
			t.Fatal(err)
		}
		drain := func() (keys map[types.NamespacedName]bool) {
			keys = map[types.NamespacedName]bool{}
			for queue.Len() > 0 {
				req, _ := queue.Get()
				keys[req.NamespacedName] = true
				queue.Done(req)
			}
			return keys
		}
		sleep()
		first := drain()
		for _, key := range reader.keys {
			if first[key] != a.Owns(key) {
				t.Errorf("at the start, %v is queued: %v, owned: %v", key, first[key], a.Owns(key))
			}
		}
		reader.failures = 10
		b.end(t)
		sleep()
		second := drain()
		for _, key := range reader.keys {
			if second[key] == first[key] {
				t.Errorf("after b has left, %v is queued: %v, at the start: %v", key, second[key], first[key])
			}
		}
		stop()
		synctest.Wait()
		if len(a.sources) > 0 || len(list.Items) > 0 {
			t.Errorf("%d sources are left; the list has %d items", len(a.sources), len(list.Items))
		}
		a.end(t)
	})
}

func TestNilIsNoReconcilerAndNoSource(t *testing.T) {
	s, err := New(newFakeLeases(), Options{Group: "g", Identity: "a"})
	if err != nil {
		t.Fatal(err)
	}
	for want, call := range map[string]func(){
		"shard: Reconciler(nil): ":  func() { s.Reconciler(nil) },
		"shard: Source with nil: ":  func() { s.Source(nil, &corev1.ConfigMapList{}) },
		"shard: Source with nil: w": func() { s.Source(&lister{}, nil) },
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, want) {
					t.Errorf("panic %q, want %s…", text, want)
				}
			}()
			call()
		}()
	}
}
