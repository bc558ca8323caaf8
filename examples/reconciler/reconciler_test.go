package reconciler

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/kube/kubetest"
	"github.com/shardmap-go/shardmap/kube/store"
)

// limit bounds what a test waits for; none comes near it unless something is broken.
const limit = 2 * time.Minute

// world is the outside world of the reconciler, which logs in by the credential's field "key".
type world struct {
	down   atomic.Bool                  // every probe fails
	logins atomic.Int64                 // that were asked for
	seen   shardmap.Map[string, string] // by widget: the token of its last probe
}

func (w *world) login(_ context.Context, credential client.Object) (string, time.Duration, error) {
	w.logins.Add(1)
	key, _, _ := unstructured.NestedString(credential.(*unstructured.Unstructured).Object, "key")
	return "token for " + key, time.Hour, nil
}

func (w *world) probe(_ context.Context, token string, widget client.Object) error {
	w.seen.Store(widget.GetName(), token)
	if w.down.Load() {
		return errors.New("down")
	}
	return nil
}

// startServer starts an API server.
func startServer(t *testing.T) (context.Context, *kubetest.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	server, err := kubetest.Start(ctx)
	check(t, err)
	t.Cleanup(func() { check(t, server.Stop()) })
	for kind, plural := range map[string]string{"Widget": "widgets", "Credential": "credentials"} {
		check(t, server.InstallCRD(ctx, kubetest.NewCRD(groupVersion.Group, groupVersion.Version, kind, plural)))
	}
	return ctx, server
}

// A replica is a manager with a reconciler, and the world that this sees.
type replica struct {
	*Reconciler
	world *world
	stop  func() // may be called again
}

// startReplica starts a manager with what setUp adds to it.
func startReplica(
	ctx context.Context, t *testing.T, server *kubetest.Server, setUp func(*Reconciler, context.Context, ctrl.Manager) error,
) replica {
	t.Helper()
	skip := true // each test has a controller of the same name
	options := ctrl.Options{Metrics: metricsserver.Options{BindAddress: "0"}, Logger: logr.Discard()}
	options.Controller.SkipNameValidation = &skip
	options.Cache.NewInformer = store.NewInformer
	options.Client.Cache = &client.CacheOptions{Unstructured: true} // or each Get of an unstructured object is a request
	manager, err := ctrl.NewManager(server.Config(), options)
	check(t, err)
	w := &world{}
	r := &Reconciler{Client: manager.GetClient(), Metrics: prometheus.NewRegistry(), Login: w.login, Probe: w.probe}
	check(t, setUp(r, ctx, manager))

	running, cancel := context.WithCancel(ctx)
	var manages sync.WaitGroup
	manages.Go(func() {
		if err := manager.Start(running); err != nil {
			t.Error(err)
		}
	})
	stop := func() {
		cancel()
		manages.Wait()
	}
	t.Cleanup(stop)
	return replica{r, w, stop}
}

// start starts an API server and one replica.
func start(t *testing.T) (context.Context, client.Client, *Reconciler, *world) {
	t.Helper()
	ctx, server := startServer(t)
	r := startReplica(ctx, t, server, (*Reconciler).SetupWithManager)
	return ctx, r.Client, r.Reconciler, r.world
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func await(ctx context.Context, t *testing.T, what string, condition func() bool) {
	t.Helper()
	err := wait.PollUntilContextCancel(ctx, 10*time.Millisecond, true, func(context.Context) (bool, error) { return condition(), nil })
	if err != nil {
		t.Fatalf("never: %s", what)
	}
}

func named(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "default", Name: name}
}

func widget(name, credential string) client.Object {
	w := newObject("Widget")
	w.SetNamespace("default")
	w.SetName(name)
	w.Object["spec"] = map[string]any{"credential": credential}
	return w
}

func credential(name, key string) *unstructured.Unstructured {
	c := newObject("Credential")
	c.SetNamespace("default")
	c.SetName(name)
	c.Object["key"] = key
	return c
}

func gauge(t *testing.T, r *Reconciler) float64 {
	families, err := r.Metrics.(*prometheus.Registry).Gather()
	check(t, err)
	for _, family := range families {
		if family.GetName() == "widget_states" {
			return family.Metric[0].Gauge.GetValue()
		}
	}
	t.Fatal("widget_states is not exported")
	return 0
}

func TestHealthLivesAndDiesWithTheWidget(t *testing.T) {
	ctx, api, r, world := start(t)
	world.down.Store(true)
	check(t, api.Create(ctx, credential("c", "1")))
	first := widget("a", "c")
	check(t, api.Create(ctx, first))
	await(ctx, t, "two failures in a row, with the credential", func() bool {
		h, _ := r.health.Load(named("a"))
		return h.Failures >= 2 && world.seen.Len() > 0
	})
	if got := gauge(t, r); got != 1 {
		t.Errorf("%v states are reported, want 1", got)
	}

	world.down.Store(false)
	check(t, api.Delete(ctx, first))
	second := widget("a", "c")
	check(t, api.Create(ctx, second))
	await(ctx, t, "a state of the second widget", func() bool {
		e, ok := r.health.LoadEntry(named("a"))
		return ok && e.UID == second.GetUID() && !e.State.Last.IsZero()
	})
	if h, _ := r.health.Load(named("a")); h.Failures != 0 {
		t.Errorf("the second widget inherits %d failures", h.Failures)
	}
	if took, err := r.health.Observe(first, keep); took || err != nil {
		t.Errorf("the first widget, which has gone, is observed: %v, %v", took, err)
	}

	check(t, api.Delete(ctx, second))
	await(ctx, t, "nothing left of the widgets", func() bool { return r.health.Len() == 0 && r.users.Len() == 0 })
	if got := gauge(t, r); got != 0 {
		t.Errorf("%v states are reported, want none", got)
	}
}

func TestAChangedCredentialReachesAllItsUsersByOneLogin(t *testing.T) {
	ctx, api, r, world := start(t)
	const widgets = 20
	shared := credential("c", "0")
	check(t, api.Create(ctx, shared))
	for i := range widgets {
		check(t, api.Create(ctx, widget(fmt.Sprint("w", i), "c")))
	}
	for version := range 5 {
		await(ctx, t, "the new token at every widget", func() bool {
			n := 0
			for _, token := range world.seen.All() {
				if token == fmt.Sprint("token for ", version) {
					n++
				}
			}
			return n == widgets
		})
		if got := world.logins.Load(); got != int64(version)+1 {
			t.Errorf("%d logins for %d versions of the credential", got, version+1)
		}
		shared.Object["key"] = fmt.Sprint(version + 1)
		check(t, api.Update(ctx, shared))
	}
	if n := r.users.LenOwnedBy(named("c")); n != widgets {
		t.Errorf("%d users of the credential, want %d", n, widgets)
	}
}

func TestReconcilingAsksTheCacheAndNotTheAPIServer(t *testing.T) {
	ctx, server := startServer(t)
	r := startReplica(ctx, t, server, (*Reconciler).SetupWithManager)
	check(t, r.Client.Create(ctx, credential("c", "1")))
	check(t, r.Client.Create(ctx, widget("a", "c")))
	healthy := func() bool {
		h, ok := r.health.Load(named("a"))
		return ok && h.Failures == 0 && !h.Last.IsZero()
	}
	await(ctx, t, "a probe of the widget", healthy)
	check(t, server.Kill())
	r.world.seen.Clear()
	if _, err := r.Reconcile(ctx, ctrl.Request{NamespacedName: named("a")}); err != nil || !healthy() || r.world.seen.Len() != 1 {
		t.Errorf("without an API server: %v, healthy: %v, probes: %d", err, healthy(), r.world.seen.Len())
	}
}
