package kubetest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"

	"github.com/shardmap-go/shardmap/kube/kubetest"
)

var widgets = schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "widgets"}

// limit bounds what a test waits for; none comes near it unless something is broken.
const limit = 5 * time.Minute

// start starts a server with widgets, and returns it with a client for those of a namespace.
func start(t *testing.T) (context.Context, *kubetest.Server, dynamic.NamespaceableResourceInterface) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	server, err := kubetest.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := server.InstallCRD(ctx, kubetest.NewCRD(widgets.Group, widgets.Version, "Widget", widgets.Resource)); err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(server.Config())
	if err != nil {
		t.Fatal(err)
	}
	return ctx, server, client.Resource(widgets)
}

func widget(name string) *unstructured.Unstructured {
	w := &unstructured.Unstructured{}
	w.SetGroupVersionKind(widgets.GroupVersion().WithKind("Widget"))
	w.SetNamespace("default")
	w.SetName(name)
	return w
}

// must fails the test at an error.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestAServerServesCustomResourcesAndSurvivesBeingKilled(t *testing.T) {
	ctx, server, all := start(t)
	client := all.Namespace("default")
	list := must(client.List(ctx, metav1.ListOptions{}))(t)
	events := must(client.Watch(ctx, metav1.ListOptions{ResourceVersion: list.GetResourceVersion()}))(t)
	defer events.Stop()

	created := must(client.Create(ctx, widget("a"), metav1.CreateOptions{}))(t)
	if created.GetUID() == "" || created.GetResourceVersion() == "" {
		t.Errorf("the object has UID %q and resourceVersion %q", created.GetUID(), created.GetResourceVersion())
	}
	if e := <-events.ResultChan(); e.Type != watch.Added || e.Object.(*unstructured.Unstructured).GetUID() != created.GetUID() {
		t.Errorf("the watch tells %v", e)
	}
	stale := created.DeepCopy()
	created.SetLabels(map[string]string{"new": "true"})
	must(client.Update(ctx, created, metav1.UpdateOptions{}))(t)
	if _, err := client.Update(ctx, stale, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("an update of an old version: %v, want a conflict", err)
	}

	if err := server.Kill(); err != nil {
		t.Error(err)
	}
	for range events.ResultChan() { // it ends: the connection is broken
	}
	if _, err := client.Get(ctx, "a", metav1.GetOptions{}); err == nil {
		t.Error("a killed server answers")
	}
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	again := must(client.Get(ctx, "a", metav1.GetOptions{}))(t)
	if again.GetUID() != created.GetUID() || again.GetLabels()["new"] != "true" {
		t.Errorf("after the restart the object is %v", again)
	}
}

func TestDiscoveryFindsWhatIsInstalled(t *testing.T) {
	ctx, server, _ := start(t)
	client := must(discovery.NewDiscoveryClientForConfig(server.Config()))(t)
	_, lists, err := client.ServerGroupsAndResources()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, l := range lists {
		for _, r := range l.APIResources {
			found[l.GroupVersion+"/"+r.Name] = true
		}
	}
	if !found["example.com/v1/widgets"] || !found["apiextensions.k8s.io/v1/customresourcedefinitions"] {
		t.Errorf("discovery finds %v", found)
	}

	bad := kubetest.NewCRD("example.com", "v1", "Gadget", "gadgets")
	bad.Spec.Versions[0].Storage = false
	if err := server.InstallCRD(ctx, bad); !apierrors.IsInvalid(err) {
		t.Errorf("a definition that stores no version: %v", err)
	}
	if err := server.InstallCRD(ctx, nil); err == nil {
		t.Error("no definition: no error")
	}
}

func TestAStoppedServerDoesNotStart(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	if s, err := kubetest.Start(ended); s != nil || err == nil {
		t.Errorf("Start with a context that has ended: %v, %v", s, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	server, err := kubetest.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := server.Kill(); err != nil {
			t.Error(err)
		}
	}
	for range 2 {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}
	if err := server.Restart(ctx); err == nil || !strings.HasPrefix(err.Error(), "kubetest: Restart of a stopped server") {
		t.Errorf("Restart: %v", err)
	}
}

func TestARestartThatIsGivenUpLeavesNothingBehind(t *testing.T) {
	ctx, server, all := start(t)
	client := all.Namespace("default")
	created := must(client.Create(ctx, widget("a"), metav1.CreateOptions{}))(t)
	for _, patience := range []time.Duration{20 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond} {
		brief, cancel := context.WithTimeout(ctx, patience)
		err := server.Restart(brief)
		cancel()
		if err == nil {
			continue // the machine is fast
		}
		if !strings.HasPrefix(err.Error(), "kubetest: the API server is not ready: ") {
			t.Errorf("Restart within %v: %v", patience, err)
		}
		if _, err := client.Get(ctx, "a", metav1.GetOptions{}); err == nil {
			t.Error("a server that was not started answers")
		}
	}
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if again := must(client.Get(ctx, "a", metav1.GetOptions{}))(t); again.GetUID() != created.GetUID() {
		t.Errorf("after all the object is %v", again)
	}
}

func TestNothingIsNotFoundWhileAServerStarts(t *testing.T) {
	ctx, server, all := start(t)
	client := all.Namespace("default")
	must(client.Create(ctx, widget("a"), metav1.CreateOptions{}))(t)
	stop, asked := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				asked <- nil
				return
			default:
				if _, err := client.Get(ctx, "a", metav1.GetOptions{}); apierrors.IsNotFound(err) {
					asked <- err
					return
				}
			}
		}
	}()
	for range 3 {
		if err := server.Restart(ctx); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	if err := <-asked; err != nil {
		t.Errorf("an object that is there: %v", err)
	}
}
