package kubetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Server is an API server for custom resources with an etcd of its own. [Start] makes one. Its methods can be called by any
// number of goroutines, one after the other.
type Server struct {
	dir     string // certificates and data
	address string // of etcd
	port    int

	mu   sync.Mutex
	etcd *embed.Etcd // guarded by mu: nil if stopped
	api  *apiServer  // guarded by mu: nil while killed
}

// Start starts a server and returns it when it is ready, or an error if it is not before ctx ends. Later ends of ctx do not
// matter: the server runs until Stop is called.
func Start(ctx context.Context) (s *Server, err error) {
	dir, err := os.MkdirTemp("", "kubetest")
	if err != nil {
		return nil, fmt.Errorf("kubetest: %w", err)
	}
	s = &Server{dir: dir}
	if s.etcd, s.address, err = startEtcd(ctx, filepath.Join(dir, "etcd")); err == nil {
		err = s.Restart(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// Config returns a configuration for clients, without a limit of their own to the rate of requests. It stays right
// after a restart.
func (s *Server) Config() *rest.Config {
	return &rest.Config{
		Host:            fmt.Sprintf("https://127.0.0.1:%d", s.port),
		TLSClientConfig: rest.TLSClientConfig{CAFile: filepath.Join(s.dir, "apiserver.crt")},
		ContentConfig:   rest.ContentConfig{ContentType: "application/json"},
		QPS:             -1,
	}
}

// Restart starts the API server anew, on the same port, with the same certificate and data, and returns when it is ready.
// It kills one that runs. If it fails, or ctx ends before, no API server runs; to end one that is starting takes as long as to start it.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.etcd == nil {
		return errors.New("kubetest: Restart of a stopped server: start another")
	}
	if err := s.kill(); err != nil {
		return err
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
	if err != nil {
		return fmt.Errorf("kubetest: %w", err)
	}
	if s.api, err = runAPIServer(newListener(l), s.dir, s.address); err != nil {
		return errors.Join(err, l.Close())
	}
	if s.port == 0 { // the first time; later nobody writes what Config reads
		s.port = l.Addr().(*net.TCPAddr).Port
	}
	if err := s.waitReady(ctx); err != nil {
		return errors.Join(fmt.Errorf("kubetest: the API server is not ready: %w", err), s.abandon())
	}
	return nil
}

// startLimit is how long a server that nobody waits for any more may take until it is ready to be killed.
const startLimit = time.Minute

// abandon kills a server that is still starting. It waits until the server has started, because Kubernetes ends the whole process if
// a server is stopped before.
func (s *Server) abandon() error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	return errors.Join(s.waitReady(ctx), s.kill())
}

// waitReady waits until the API server is ready, has ended, or ctx ends.
func (s *Server) waitReady(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(s.Config())
	if err != nil {
		return err
	}
	return wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		select {
		case <-s.api.done:
			return false, fmt.Errorf("it has ended: %w", s.api.err)
		default:
			return client.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error() == nil, nil
		}
	})
}

// Kill ends the API server, in the middle of whatever it does: for clients, requests and watches break off, and the port
// refuses connections. The objects stay. It returns when the server has ended, with the server's error if it
// failed before, and does nothing if none runs.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kill()
}

// kill is Kill; mu must be held.
func (s *Server) kill() error {
	if s.api == nil {
		return nil
	}
	api := s.api
	s.api = nil
	if err := api.kill(); err != nil {
		return fmt.Errorf("kubetest: the API server ended with: %w", err)
	}
	return nil
}

// Stop ends the API server and etcd, and removes all data. It may be called again.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.kill()
	if s.etcd != nil {
		s.etcd.Close()
		s.etcd = nil
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
