package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/shardmap-go/shardmap/kube/kubetest"
)

// A world is an API server, and whoever makes trouble there.
type world struct {
	server   *kubetest.Server
	scheme   *runtime.Scheme
	client   client.Client // reads and writes at the API server, past any cache
	objects  int
	progress *progress
}

// newWorld starts an API server that knows the resources. It has to be stopped.
func newWorld(ctx context.Context, objects int, p *progress) (w *world, err error) {
	p.begin(0, "starting etcd and an API server")
	w = &world{scheme: newScheme(), objects: objects, progress: p}
	if w.server, err = startServer(ctx); err != nil {
		return nil, err
	}
	plurals := map[string]string{"Secret": "secrets", "Parent": "parents", "Child": "children", "Volume": "volumes"}
	for kind, plural := range plurals {
		crd := kubetest.NewCRD(groupVersion.Group, groupVersion.Version, kind, plural)
		if err := w.server.InstallCRD(ctx, crd); err != nil {
			return nil, errors.Join(err, w.server.Stop())
		}
	}
	if w.client, err = client.New(w.server.Config(), client.Options{Scheme: w.scheme}); err != nil {
		return nil, errors.Join(err, w.server.Stop())
	}
	return w, nil
}

// startServer starts an API server, and does not give up in the middle: one that is stopped while it starts ends the
// whole program.
func startServer(ctx context.Context) (*kubetest.Server, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return kubetest.Start(ctx)
}

// restartServer kills the API server in the middle of what it does, and starts another one. Nor does it give up.
func (w *world) restartServer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return w.server.Restart(ctx)
}

// operate runs an operator, a manager whose cache has one namespace, from before drive begins until it has ended.
func (w *world) operate(ctx context.Context, namespace string, setUp func(ctrl.Manager) error,
	drive func(context.Context) error) error {
	unique := true // names of controllers: those of a run are the same as those of the next
	mgr, err := ctrl.NewManager(w.server.Config(), ctrl.Options{
		Scheme:     w.scheme,
		Cache:      cache.Options{DefaultNamespaces: map[string]cache.Config{namespace: {}}},
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{MaxConcurrentReconciles: 8, SkipNameValidation: &unique},
	})
	if err != nil {
		return err
	}
	if err := setUp(mgr); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	running, stop := context.WithCancel(ctx)
	group.Go(func() error { return mgr.Start(running) })
	group.Go(func() error {
		defer stop()
		if !mgr.GetCache().WaitForCacheSync(ctx) {
			return ctx.Err()
		}
		return drive(ctx)
	})
	return group.Wait()
}

// each calls do for 0 to n-1, a few at a time, and shows that as a step of the progress. It ends at the first error, or
// when ctx does.
func (w *world) each(ctx context.Context, n int, step string, do func(ctx context.Context, i int) error) error {
	w.progress.begin(n, "%s", step)
	group, running := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := 0; i < n && running.Err() == nil; i++ {
		group.Go(func() error {
			defer w.progress.part()
			return do(running, i)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// create creates obj, whose metadata is no more than its name.
func (w *world) create(ctx context.Context, obj client.Object, namespace, name string) error {
	obj.SetNamespace(namespace)
	obj.SetName(name)
	err := persist(ctx, func() error { return w.client.Create(ctx, obj) })
	if apierrors.IsAlreadyExists(err) { // the answer was lost
		err = persist(ctx, func() error { return w.client.Get(ctx, client.ObjectKeyFromObject(obj), obj) })
	}
	return err
}

// persist calls do until it succeeds, or the API server refuses what it asks for. It goes on if the connection breaks, and
// if a server that is only starting does not know the resources yet.
func persist(ctx context.Context, do func() error) error {
	return until(ctx, func() (bool, error) {
		err := do()
		var answer apierrors.APIStatus
		if errors.As(err, &answer) && answer.Status().Code < http.StatusInternalServerError &&
			!apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse) {
			return false, err
		}
		return err == nil, nil
	})
}

// until waits until ok returns true or an error.
func until(ctx context.Context, ok func() (bool, error)) error {
	return wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(context.Context) (bool, error) { return ok() })
}

// An outcome is what went wrong in a run.
type outcome []count

type count struct {
	n    int
	what string
}

// failures returns how often something went wrong.
func (o outcome) failures() (n int) {
	for _, c := range o {
		n += c.n
	}
	return n
}
