//go:build kubefull && unix

package kubetest_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/shardmap-go/shardmap/kube/store"
)

// Package store as the cache of a controller-runtime manager.

const (
	teamLabel     = "team" // the name of the index, too
	perNamespace  = 40
	perTeam       = 8
	teamNamespace = "team-namespace-"
)

// kinds are those that the manager caches: an object and a list of each.
var kinds = []struct {
	object client.Object
	list   client.ObjectList
}{
	{&corev1.ConfigMap{}, &corev1.ConfigMapList{}},
	{&corev1.Secret{}, &corev1.SecretList{}},
}

func teamOf(i int) map[string]string {
	return map[string]string{teamLabel: "team-" + strconv.Itoa(i/perTeam)}
}

// newObject returns the i-th object of the type of object, in a namespace.
func newObject(object client.Object, namespace string, i int) client.Object {
	created := metav1.ObjectMeta{Namespace: namespace, Name: "object-" + strconv.Itoa(i), Labels: teamOf(i)}
	if _, ok := object.(*corev1.Secret); ok {
		return &corev1.Secret{ObjectMeta: created, Data: map[string][]byte{"key": []byte(strconv.Itoa(i))}}
	}
	return &corev1.ConfigMap{ObjectMeta: created, Data: map[string]string{"key": strconv.Itoa(i)}}
}

// newCachingManager starts a manager whose cache is of package store, with an index of teams, and returns it when the cache has
// synced.
func (c *cluster) newCachingManager() manager.Manager {
	c.t.Helper()
	mgr := must(manager.New(c.config, manager.Options{
		Cache:   cache.Options{NewInformer: store.NewInformer},
		Metrics: metricsserver.Options{BindAddress: "0"},
	}))(c.t)
	byTeam := func(obj client.Object) []string { return []string{obj.GetLabels()[teamLabel]} }
	for _, kind := range kinds {
		if err := mgr.GetFieldIndexer().IndexField(c.ctx, kind.object, teamLabel, byTeam); err != nil {
			c.t.Fatal(err)
		}
	}
	c.background(func(ctx context.Context) {
		if err := mgr.Start(ctx); err != nil {
			c.t.Errorf("the manager ends with %v", err)
		}
	})
	if !mgr.GetCache().WaitForCacheSync(c.ctx) {
		c.t.Fatal("the cache has not synced")
	}
	return mgr
}

// objectsOf returns what list finds, without the types, which the cache fills in and a live list does not.
func objectsOf(
	ctx context.Context, t *testing.T, reader client.Reader, list client.ObjectList, options ...client.ListOption,
) map[types.NamespacedName]client.Object {
	t.Helper()
	list = list.DeepCopyObject().(client.ObjectList)
	if err := reader.List(ctx, list, options...); err != nil {
		t.Fatal(err)
	}
	found := map[types.NamespacedName]client.Object{}
	err := meta.EachListItem(list, func(item runtime.Object) error {
		obj := item.(client.Object)
		obj.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
		found[client.ObjectKeyFromObject(obj)] = obj
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// differences compares what the cache of mgr returns with what the API server does, by List – of everything, a namespace, and a
// team, which the cache finds by its index – and by Get. It returns the empty string if there are none.
func (c *cluster) differences(mgr manager.Manager) string {
	c.t.Helper()
	team := teamOf(0)[teamLabel]
	for _, kind := range kinds {
		for _, options := range []struct {
			cached, live client.ListOption
			atLeast      int
		}{
			{client.HasLabels{teamLabel}, client.HasLabels{teamLabel}, 2 * perNamespace},
			{client.InNamespace(teamNamespace + "0"), client.InNamespace(teamNamespace + "0"), perNamespace / 2},
			{client.MatchingFields{teamLabel: team}, client.MatchingLabels{teamLabel: team}, perTeam},
		} {
			cached := objectsOf(c.ctx, c.t, mgr.GetClient(), kind.list, options.cached)
			live := objectsOf(c.ctx, c.t, mgr.GetAPIReader(), kind.list, options.live)
			if len(live) < options.atLeast {
				c.t.Fatalf("%T with %v: %d objects: the comparison tells nothing", kind.list, options.live, len(live))
			}
			if !reflect.DeepEqual(cached, live) {
				return fmt.Sprintf("%T with %v: the cache has\n%v\nand the API server\n%v", kind.list, options.cached,
					versionsOf(cached), versionsOf(live))
			}
			if d := c.gotten(mgr, live); d != "" {
				return d
			}
		}
	}
	return ""
}

// gotten compares these objects with what the cache of mgr returns by Get.
func (c *cluster) gotten(mgr manager.Manager, live map[types.NamespacedName]client.Object) string {
	for key, want := range live {
		got := reflect.New(reflect.TypeOf(want).Elem()).Interface().(client.Object)
		if err := mgr.GetClient().Get(c.ctx, key, got); err != nil {
			return fmt.Sprintf("Get of %s: %v", key, err)
		}
		got.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
		if !reflect.DeepEqual(got, want) {
			return fmt.Sprintf("Get of %s returns version %s, the API server has %s", key, got.GetResourceVersion(), want.GetResourceVersion())
		}
	}
	return ""
}

func versionsOf(objects map[types.NamespacedName]client.Object) (versions []string) {
	for key, obj := range objects {
		versions = append(versions, key.String()+" at "+obj.GetResourceVersion())
	}
	slices.Sort(versions)
	return versions
}

func TestFullAManagersCacheIsWhatALiveListReturns(t *testing.T) {
	c := newCluster(t)
	namespaces := []string{teamNamespace + "0", teamNamespace + "1", teamNamespace + "2"}
	c.createNamespaces(namespaces...)
	admin := must(client.New(c.config, client.Options{}))(t)
	for _, namespace := range namespaces {
		for i := range perNamespace {
			for _, kind := range kinds {
				if err := admin.Create(c.ctx, newObject(kind.object, namespace, i)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}

	mgr := c.newCachingManager()
	if d := c.differences(mgr); d != "" {
		t.Errorf("right after the cache has synced: %s", d)
	}
	for _, kind := range kinds { // that it is the store that was compared
		informer := must(mgr.GetCache().GetInformer(c.ctx, kind.object))(t)
		got, want := informer.(toolscache.SharedIndexInformer).GetIndexer(), store.New(toolscache.MetaNamespaceKeyFunc, nil)
		if reflect.TypeOf(got) != reflect.TypeOf(want) {
			t.Errorf("the cache of %T is a %T", kind.object, got)
		}
	}

	// Objects come, change and go as soon as there is a server again, before or after the manager notices.
	c.restart()
	for _, kind := range kinds {
		for key, obj := range objectsOf(c.ctx, t, admin, kind.list, client.InNamespace(namespaces[1])) {
			var err error
			switch i := must(strconv.Atoi(key.Name[len("object-"):]))(t); i % 4 {
			case 0:
				err = admin.Delete(c.ctx, obj)
			case 1:
				obj.SetLabels(teamOf(0)) // it moves in the index
				err = admin.Update(c.ctx, obj)
			case 2:
				err = admin.Create(c.ctx, newObject(kind.object, namespaces[2], perNamespace+i))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	c.await(func() string { return c.differences(mgr) })
}
