//go:build linux

package kubetest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	coordinationv1api "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"

	"github.com/shardmap-go/shardmap/kube/shard"
)

// replicaEnv is the environment variable that makes the test binary a replica. Its value is a replicaConfig.
const replicaEnv = "KUBETEST_SHARD_REPLICA"

func TestMain(m *testing.M) {
	if config := os.Getenv(replicaEnv); config != "" {
		if err := runReplica([]byte(config)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

type replicaConfig struct {
	Host, CAFile string // of the API server
	Log          string // the file to which every event is appended
	Identity     string
	Skew         time.Duration // what the replica's wall clock is set wrong by
	Work         time.Duration // how long a reconcile takes
}

const (
	shardKeys       = 32
	shardPartitions = 16
)

// An event is a line of the log. Times are of CLOCK_MONOTONIC, in nanoseconds, which all processes of a system share.
type event struct {
	Kind     string // "start" and "end" of a reconcile; "lost" partitions
	At       int64
	Identity string
	Key      int
	Serial   int64 // tells the reconciles of a replica apart
}

// monotonic returns the time.
func monotonic() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err)
	}
	return now.Nano()
}

func shardKey(i int) types.NamespacedName {
	return types.NamespacedName{Namespace: "default", Name: "key-" + strconv.Itoa(i)}
}

// runReplica reconciles each key that it owns, over and over, until SIGTERM.
func runReplica(text []byte) error {
	var c replicaConfig
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	log, err := os.OpenFile(c.Log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	clients, err := kubernetes.NewForConfig(&rest.Config{
		Host: c.Host, TLSClientConfig: rest.TLSClientConfig{CAFile: c.CAFile},
		ContentConfig: rest.ContentConfig{ContentType: "application/json"}, QPS: -1,
	})
	if err != nil {
		return err
	}
	w := &worker{config: c, log: log}
	w.sharder, err = shard.New(skewed{clients.CoordinationV1().Leases("default"), c.Skew}, shard.Options{
		Group: "keys", Identity: c.Identity, Partitions: shardPartitions,
		LeaseDuration: 6 * time.Second, RenewDeadline: 3 * time.Second, RenewInterval: 200 * time.Millisecond,
		OnGained: w.gained,
		OnLost:   func([]int) { w.write(event{Kind: "lost", At: monotonic()}) },
	})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	err = w.sharder.Run(ctx)
	w.working.Wait()
	return err
}

type worker struct {
	config  replicaConfig
	sharder *shard.Sharder
	working sync.WaitGroup

	mu     sync.Mutex
	log    *os.File
	serial int64
}

// write appends an event by a single write, which other processes' do not get into.
func (w *worker) write(e event) {
	e.Identity = w.config.Identity
	line, err := json.Marshal(e)
	if err == nil {
		_, err = w.log.Write(append(line, '\n'))
	}
	if err != nil {
		panic(err)
	}
}

func (w *worker) next() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serial++
	return w.serial
}

func (w *worker) gained(partitions []int) {
	is := map[int]bool{}
	for _, p := range partitions {
		is[p] = true
	}
	for i := range shardKeys {
		if is[w.sharder.Partition(shardKey(i))] {
			w.working.Go(func() { w.reconcile(i) })
		}
	}
}

// reconcile reconciles a key until it is lost.
func (w *worker) reconcile(i int) {
	key := shardKey(i)
	for {
		err := w.sharder.Do(context.Background(), key, func(ctx context.Context) error {
			// A process that is paused before this line sees that the key is lost; one that is paused after it has the
			// work in flight.
			e := event{Kind: "start", At: monotonic(), Key: i, Serial: w.next()}
			if !w.sharder.Owns(key) {
				return nil
			}
			w.write(e)
			select {
			case <-ctx.Done():
			case <-time.After(w.config.Work):
			}
			e.Kind, e.At = "end", monotonic()
			w.write(e)
			return nil
		})
		if errors.Is(err, shard.ErrLost) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// skewed writes Leases as a host does whose clock is set wrong.
type skewed struct {
	coordinationv1.LeaseInterface
	skew time.Duration
}

func (s skewed) Create(
	ctx context.Context, lease *coordinationv1api.Lease, o metav1.CreateOptions,
) (*coordinationv1api.Lease, error) {
	return s.LeaseInterface.Create(ctx, s.shift(lease), o)
}

func (s skewed) Update(
	ctx context.Context, lease *coordinationv1api.Lease, o metav1.UpdateOptions,
) (*coordinationv1api.Lease, error) {
	return s.LeaseInterface.Update(ctx, s.shift(lease), o)
}

func (s skewed) shift(lease *coordinationv1api.Lease) *coordinationv1api.Lease {
	lease = lease.DeepCopy()
	for _, t := range []*metav1.MicroTime{lease.Spec.AcquireTime, lease.Spec.RenewTime} {
		t.Time = t.Add(s.skew)
	}
	return lease
}

// An eventLog is the file that replicas log to, and what was read of it.
type eventLog struct {
	name   string
	file   *os.File
	rest   []byte // of a line that is being written
	events []event
}

func newEventLog(t *testing.T) *eventLog {
	t.Helper()
	name := filepath.Join(t.TempDir(), "log")
	file := must(os.Create(name))(t)
	t.Cleanup(func() { _ = file.Close() })
	return &eventLog{name: name, file: file}
}

// read returns the events so far.
func (l *eventLog) read(t *testing.T) []event {
	t.Helper()
	text := append(l.rest, must(io.ReadAll(l.file))(t)...)
	for {
		line, rest, ok := bytes.Cut(text, []byte("\n"))
		if !ok {
			l.rest = text
			return l.events
		}
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		l.events, text = append(l.events, e), rest
	}
}
