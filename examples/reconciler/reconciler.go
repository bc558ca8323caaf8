// Package reconciler is the code of docs/operators.md: a reconciler whose state lives and dies with its objects.
//
// The idea: each kind of state has a type that knows when it ends. What is known of a widget goes when the widget goes, by
// its UID; what was borrowed goes when its time is over; what is about work under way goes with the work. All of it is tied to
// the manager in one place.
package reconciler

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/index"
	"github.com/shardmap-go/shardmap/kube/objstate"
	"github.com/shardmap-go/shardmap/ttl"
)

// Group and version of the two resources: widgets, and the credentials that they name in spec.credential.
var groupVersion = schema.GroupVersion{Group: "example.com", Version: "v1"}

func newObject(kind string) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{}
	obj.SetGroupVersionKind(groupVersion.WithKind(kind))
	return obj
}

// Health is what the reconciler has learnt about a widget. It is not in the object, and may be lost in a restart.
type Health struct {
	Failures int // in a row
	Last     time.Time
}

// A Reconciler probes what each widget stands for, with a token that the widget's credential is good for, and retries the later,
// the more often that has failed.
type Reconciler struct {
	Client  client.Client         // reads from the manager's cache, unstructured objects too
	Metrics prometheus.Registerer // metrics.Registry of controller-runtime
	Login   func(ctx context.Context, credential client.Object) (token string, valid time.Duration, err error)
	Probe   func(ctx context.Context, token string, widget client.Object) error

	health   objstate.Map[Health]                                     // of each widget, as long as that exists
	users    index.Owners[types.NamespacedName, types.NamespacedName] // credential ↔ widgets that use it
	tokens   ttl.Map[version, string]                                 // by credential, as long as the token is valid
	inFlight shardmap.Map[types.NamespacedName, time.Time]            // since when a widget is being probed
}

// A version of an object. State that is made from an object and kept under its version cannot be taken for that of another,
// not even if it is stored too late.
type version struct {
	uid             types.UID
	resourceVersion string
}

// SetupWithManager adds r to the manager, which may be one of several that elect a leader.
func (r *Reconciler) SetupWithManager(ctx context.Context, manager ctrl.Manager) error {
	if err := r.setupState(ctx, manager); err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(manager).
		For(newObject("Widget")).
		Watches(newObject("Credential"), handler.EnqueueRequestsFromMapFunc(r.usersOf)).
		Complete(r)
}

// setupState ties the state to what ends it.
func (r *Reconciler) setupState(ctx context.Context, manager ctrl.Manager) error {
	// The state of a widget goes when the informer says that the widget, this UID, has gone.
	informer, err := manager.GetCache().GetInformer(ctx, newObject("Widget"))
	if err != nil {
		return err
	}
	if _, err := r.health.BindInformer(informer); err != nil {
		return err
	}
	// A runnable that collects what has expired, also while another replica leads.
	if err := manager.Add(&r.tokens); err != nil {
		return err
	}
	return r.register()
}

// Reconcile probes the widget.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	widget := newObject("Widget")
	if err := r.Client.Get(ctx, request.NamespacedName, widget); err != nil {
		if apierrors.IsNotFound(err) {
			r.users.DropOwned(request.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	// A new object of an old name starts from nothing; one that has gone since it was read is refused.
	if took, err := r.health.Observe(widget, keep); err != nil || !took {
		return ctrl.Result{}, err
	}
	failure := r.probe(ctx, widget)

	var health Health
	_, err := r.health.Update(request.NamespacedName, widget.GetUID(), func(h Health) (Health, error) {
		health = h.after(failure)
		return health, nil
	})
	return ctrl.Result{RequeueAfter: health.delay()}, err
}

func keep(h Health, _ bool) (Health, error) { return h, nil }

// probe does the work that may take long: no state is locked meanwhile.
func (r *Reconciler) probe(ctx context.Context, widget client.Object) error {
	name := client.ObjectKeyFromObject(widget)
	r.inFlight.Store(name, time.Now())
	defer r.inFlight.Delete(name)

	credential := newObject("Credential")
	if err := r.Client.Get(ctx, r.link(widget), credential); err != nil {
		return err
	}
	key := version{credential.GetUID(), credential.GetResourceVersion()}
	token, err := r.tokens.LoadOrCompute(ctx, key, func(ctx context.Context) (string, ttl.Lifetime, error) {
		token, valid, err := r.Login(ctx, credential) // once, however many widgets use the credential
		return token, ttl.Lifetime{TTL: valid}, err
	})
	if err != nil {
		return err
	}
	return r.Probe(ctx, token, widget)
}

// link notes which credential the widget uses, and returns its name. The credential is read only after that. So a change of it
// finds the widget here, or the widget finds the change.
func (r *Reconciler) link(widget client.Object) (credential types.NamespacedName) {
	name, _, _ := unstructured.NestedString(widget.(*unstructured.Unstructured).Object, "spec", "credential")
	credential = types.NamespacedName{Namespace: widget.GetNamespace(), Name: name}
	user := client.ObjectKeyFromObject(widget)
	r.users.Link(credential, user)
	for other := range r.users.OwnersOf(user) {
		if other != credential {
			r.users.Unlink(other, user)
		}
	}
	return credential
}

// usersOf returns the widgets to reconcile because a credential has changed.
func (r *Reconciler) usersOf(_ context.Context, credential client.Object) (requests []ctrl.Request) {
	for user := range r.users.OwnedBy(client.ObjectKeyFromObject(credential)) {
		requests = append(requests, ctrl.Request{NamespacedName: user})
	}
	return requests
}

// register exports how much state there is.
func (r *Reconciler) register() error {
	states := prometheus.GaugeOpts{Name: "widget_states", Help: "Widgets that the operator keeps a state for."}
	return r.Metrics.Register(prometheus.NewGaugeFunc(states, func() float64 { return float64(r.health.Stats().Objects) }))
}

// Slowest returns the widgets that have been probed for longer than limit, as of one instant.
func (r *Reconciler) Slowest(limit time.Duration) (widgets []types.NamespacedName) {
	for name, since := range r.inFlight.Snapshot().All() {
		if time.Since(since) > limit {
			widgets = append(widgets, name)
		}
	}
	return widgets
}

func (h Health) after(failure error) Health {
	if failure == nil {
		return Health{Last: time.Now()}
	}
	return Health{Failures: h.Failures + 1, Last: time.Now()}
}

// delay is a minute after a success; after failures it doubles from one second to about a minute.
func (h Health) delay() time.Duration {
	if h.Failures == 0 {
		return time.Minute
	}
	return time.Second << min(h.Failures-1, 6)
}
