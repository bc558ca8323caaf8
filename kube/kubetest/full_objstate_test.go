//go:build kubefull && unix

package kubetest_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/shardmap-go/shardmap/kube/objstate"
)

// Package objstate with ConfigMaps and their namespaces.

// The state of each object is the UID that it was first observed with.
type incarnations = objstate.Map[types.UID]

// remember observes obj, and reports if it is given the state of another object.
func remember(t *testing.T, m *incarnations, obj metav1.Object) {
	_, err := m.Observe(obj, func(uid types.UID, ok bool) (types.UID, error) {
		if ok && uid != obj.GetUID() {
			t.Errorf("%s/%s, UID %s, inherits from %s", obj.GetNamespace(), obj.GetName(), obj.GetUID(), uid)
		}
		return obj.GetUID(), nil
	})
	if err != nil {
		t.Error(err)
	}
}

// leftOver returns the names whose state in m belongs to none of the live objects.
func leftOver(m *incarnations, live []corev1.ConfigMap) (names []string) {
	uids := map[types.NamespacedName]types.UID{}
	for i := range live {
		uids[client.ObjectKeyFromObject(&live[i])] = live[i].UID
	}
	for name, uid := range m.All() {
		if uids[name] != uid {
			names = append(names, name.String())
		}
	}
	return names
}

// unknown returns the names of the live objects whose newest version m has not observed.
func unknown(m *incarnations, live []corev1.ConfigMap) (names []string) {
	for i := range live {
		name := client.ObjectKeyFromObject(&live[i])
		if e, ok := m.LoadEntry(name); !ok || e.UID != live[i].UID || e.ResourceVersion != live[i].ResourceVersion {
			names = append(names, name.String())
		}
	}
	return names
}

// change makes a random change to one of a few ConfigMaps, until the API server has answered, and returns what it has made.
func (c *cluster) change(rng *rand.Rand, namespace string) (made *corev1.ConfigMap) {
	configMaps := c.clients.CoreV1().ConfigMaps(namespace)
	operation, name := rng.IntN(3), "cm-"+strconv.Itoa(rng.IntN(6))
	patch := fmt.Appendf(nil, `{"data":{"n":"%d"}}`, rng.Uint32())
	for {
		var err error
		switch operation {
		case 0:
			cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}
			made, err = configMaps.Create(c.ctx, cm, metav1.CreateOptions{})
		case 1:
			made, err = configMaps.Patch(c.ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
		case 2:
			err = configMaps.Delete(c.ctx, name, metav1.DeleteOptions{})
		}
		switch {
		case err == nil:
			return made
		case apierrors.IsNotFound(err), apierrors.IsAlreadyExists(err), apierrors.IsConflict(err):
			return nil
		}
		select {
		case <-c.ctx.Done():
			c.t.Errorf("no answer within %v: %v", limit, err)
			return nil
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// ConfigMaps of two namespaces come and go while the kube-apiserver is killed twice. Of two maps, one observes what an informer
// tells, the other what the clients have made. The properties are
//
//	P1. no state is inherited by another object of the name;
//	P2. the map that observes events has, when all is told, the states of those objects that are there, in their newest version;
//	P3. the other has no state of an object that is gone – once pruned: the informer cannot tell of one that came and went
//	    while there was no server.
func TestFullStatesLiveAndDieWithConfigMapsThroughKilledServers(t *testing.T) {
	c := newCluster(t)
	seed := rand.Uint64()
	if s := os.Getenv("SHARDMAP_SEED"); s != "" {
		seed = must(strconv.ParseUint(s, 10, 64))(t)
	}
	t.Logf("SHARDMAP_SEED=%d", seed)
	namespaces := []string{"red", "blue"}
	c.createNamespaces(namespaces...)

	var told, made incarnations
	var missed atomic.Int64
	informer := informers.NewSharedInformerFactory(c.clients, 0).Core().V1().ConfigMaps().Informer()
	for _, m := range []*incarnations{&told, &made} {
		must(m.BindInformer(informer))(t)
	}
	must(informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) { remember(t, &told, obj.(metav1.Object)) },
		UpdateFunc: func(old, obj any) {
			remember(t, &told, obj.(metav1.Object))
			if old.(metav1.Object).GetUID() != obj.(metav1.Object).GetUID() {
				missed.Add(1)
			}
		},
		DeleteFunc: func(obj any) {
			if _, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				missed.Add(1)
			}
		},
	}))(t)
	c.background(informer.RunWithContext)

	const workers, changes, kills = 4, 200, 2
	var done atomic.Int64
	var working sync.WaitGroup
	t.Cleanup(working.Wait)
	for i := range workers {
		working.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			for range changes {
				if cm := c.change(rng, namespaces[rng.IntN(len(namespaces))]); cm != nil {
					remember(t, &made, cm)
				}
				done.Add(1)
			}
		})
	}
	for kill := range kills {
		c.await(func() string {
			if n := done.Load(); n < int64(workers*changes*(kill+1)/(kills+1)) {
				return fmt.Sprintf("only %d changes", n)
			}
			return ""
		})
		c.restart()
	}
	working.Wait()

	list := func() []corev1.ConfigMap {
		return must(c.clients.CoreV1().ConfigMaps("").List(c.ctx, metav1.ListOptions{}))(t).Items
	}
	settle := func() {
		c.await(func() string { // P2
			live := list()
			if extra, none := leftOver(&told, live), unknown(&told, live); len(extra)+len(none) > 0 {
				return fmt.Sprintf("the states of %v, without %v", none, extra)
			}
			return ""
		})
	}
	settle()
	pruned := must(made.Prune(c.ctx, objstate.ListAll(c.clients.CoreV1().ConfigMaps("").List)))(t)
	if extra := leftOver(&made, list()); len(extra) > 0 {
		t.Errorf("P3: there are states of %v", extra)
	}
	t.Logf("%d objects are left; the informer missed %d deletions, and %d states were pruned", told.Len(), missed.Load(), pruned)

	// A namespace is deleted: nothing can be created in it any more, and what was in it goes, as do the states.
	if err := c.clients.CoreV1().Namespaces().Delete(c.ctx, "red", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	red := c.clients.CoreV1().ConfigMaps("red")
	late := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "late"}}
	if _, err := red.Create(c.ctx, late, metav1.CreateOptions{}); !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		t.Errorf("creating something in a namespace that is being deleted: %v", err)
	}
	if err := red.DeleteCollection(c.ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	settle()
	for name := range told.All() {
		if name.Namespace == "red" {
			t.Errorf("the state of %s is there", name)
		}
	}
}
