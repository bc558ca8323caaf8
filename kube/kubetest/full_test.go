//go:build kubefull && unix

package kubetest_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
)

// The packages beside a whole kube-apiserver, in a process of its own: with namespaces, Secrets, Leases, accounts and RBAC, which
// the server of kubetest does not have. full/build makes the programs.

// assetsEnv is the environment variable that says in which folder kube-apiserver and etcd are.
const assetsEnv = "KUBETEST_ASSETS"

// launcher starts kube-apiserver, and leaves its process id beside itself: envtest does not tell it, and can only stop the server
// gently.
const launcher = `#!/bin/sh
echo $$ >"${0%/*}/pid"
exec "$KUBETEST_ASSETS/kube-apiserver" "$@"
`

// A cluster is a kube-apiserver with an etcd.
type cluster struct {
	t       *testing.T
	ctx     context.Context
	dir     string
	env     *envtest.Environment
	config  *rest.Config // of an administrator
	clients kubernetes.Interface
}

// newCluster starts a cluster, which is stopped when the test ends.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	assets := os.Getenv(assetsEnv)
	if assets == "" {
		t.Fatalf("%s is empty: want the folder of kube-apiserver and etcd; make kube-full builds them and runs this test", assetsEnv)
	}
	ctrllog.SetLogger(klog.Background())
	c := &cluster{t: t, dir: t.TempDir()}
	path := filepath.Join(c.dir, "kube-apiserver")
	if err := os.WriteFile(path, []byte(launcher), 0o700); err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer // to be read when the process has ended
	c.env = &envtest.Environment{
		UseExistingCluster:    new(false), // whatever the environment says
		BinaryAssetsDirectory: assets,
		ControlPlane: envtest.ControlPlane{
			APIServer: &envtest.APIServer{Path: path, CertDir: t.TempDir(), Err: &output},
			Etcd:      &envtest.Etcd{Path: filepath.Join(assets, "etcd"), DataDir: t.TempDir()},
		},
	}
	t.Cleanup(func() {
		if err := c.env.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the last words of kube-apiserver: %s", output.Bytes()[max(0, output.Len()-8192):])
		}
	})
	config := must(c.env.Start())(t)
	c.config = rest.CopyConfig(config)
	c.config.QPS = -1
	c.clients = must(kubernetes.NewForConfig(c.config))(t)
	var cancel context.CancelFunc
	c.ctx, cancel = context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return c
}

// restart kills the kube-apiserver, in the middle of whatever it does, and starts another one on the same port, with the same
// certificates and data. It returns when that is ready.
func (c *cluster) restart() {
	c.t.Helper()
	text := must(os.ReadFile(filepath.Join(c.dir, "pid")))(c.t)
	pid := must(strconv.Atoi(strings.TrimSpace(string(text))))(c.t)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		c.t.Fatalf("killing kube-apiserver, process %d: %v", pid, err)
	}
	c.await(func() string {
		if !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return "kube-apiserver has not ended"
		}
		return ""
	})
	if err := c.env.ControlPlane.APIServer.Start(); err != nil {
		c.t.Fatal(err)
	}
}

// await waits until missing, which says what is missing, returns the empty string.
func (c *cluster) await(missing func() string) {
	c.t.Helper()
	for what := missing(); what != ""; what = missing() {
		select {
		case <-c.ctx.Done():
			c.t.Fatalf("not within %v: %s", limit, what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// background runs f until the test ends, or stop is called.
func (c *cluster) background(f func(ctx context.Context)) (stop func()) {
	ctx, stop := context.WithCancel(c.ctx)
	var running sync.WaitGroup
	running.Go(func() { f(ctx) })
	c.t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return stop
}

func (c *cluster) createNamespaces(names ...string) {
	c.t.Helper()
	for _, name := range names {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		must(c.clients.CoreV1().Namespaces().Create(c.ctx, namespace, metav1.CreateOptions{}))(c.t)
	}
}
