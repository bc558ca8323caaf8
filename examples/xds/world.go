package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	clusterservice "github.com/envoyproxy/go-control-plane/envoy/service/cluster/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/shardmap-go/shardmap/delta"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// settings say how large a run is.
type settings struct {
	resources, changes, rounds int // clusters in the set, changes in each round
	history                    int // the rounds that the history reaches back
	seed                       uint64
	progress                   func(round int) // may be nil
	options                    []grpc.ServerOption
}

// A world is the set of a server, and whoever changes it.
type world struct {
	settings
	set       *clusters
	last      uint64  // the revision that the run ends with
	committed counter // the current revision

	rng   *rand.Rand
	names []string // of the clusters in the set
	made  int      // clusters made so far
	bad   string   // the name of a cluster that no client will accept, or ""
}

func newWorld(s settings) *world {
	history := s.history * s.changes
	return &world{
		settings: s,
		set:      delta.New[string, *discovery.Resource](delta.WithHistory(history, history)),
		last:     uint64(s.rounds) + 1,
		rng:      rand.New(rand.NewPCG(s.seed, 0)),
	}
}

// run has clients of all habits follow the set through all rounds, and returns what happened to those of each habit.
func (w *world) run(ctx context.Context) ([]tally, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	listener := bufconn.Listen(1 << 20)
	clients, closeAll, err := w.clients(listener)
	if err != nil {
		return nil, err
	}
	service := &server{set: w.set, resyncs: map[string]int{}}
	grpcServer := grpc.NewServer(w.options...)
	clusterservice.RegisterClusterDiscoveryServiceServer(grpcServer, service)
	var serving, following sync.WaitGroup
	serving.Go(func() {
		if err := grpcServer.Serve(listener); err != nil {
			fail(err)
		}
	})
	for _, c := range clients {
		following.Go(func() {
			if err := c.run(ctx); err != nil {
				fail(err)
			}
		})
	}
	if err := w.change(ctx, clients); err != nil {
		fail(err)
	}
	following.Wait()
	closeAll()
	grpcServer.Stop()
	serving.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return sum(clients, service), nil
}

// clients returns a client for each place that the habits have, with a connection of its own, and what closes these.
func (w *world) clients(listener *bufconn.Listener) (clients []*client, closeAll func(), err error) {
	var connections []*grpc.ClientConn
	closeAll = func() {
		for _, connection := range connections {
			connection.Close()
		}
	}
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }
	for _, h := range habits {
		for i := range h.clients {
			connection, err := grpc.NewClient("passthrough:///control-plane", grpc.WithContextDialer(dial),
				grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				closeAll()
				return nil, nil, err
			}
			connections = append(connections, connection)
			clients = append(clients, &client{habit: h, node: fmt.Sprintf("%s %d", h.name, i), world: w,
				service: clusterservice.NewClusterDiscoveryServiceClient(connection), have: map[string]string{}})
		}
	}
	return clients, closeAll, nil
}

// sum adds up what happened to the clients of each habit.
func sum(clients []*client, service *server) []tally {
	tallies := make([]tally, len(habits))
	for i, h := range habits {
		for _, c := range clients {
			if c.name != h.name {
				continue
			}
			t := &tallies[i]
			t.connections += c.connections
			t.responses += c.responses
			t.resources += c.resources
			t.removals += c.removals
			t.refused += c.refused
			t.resyncs += service.resyncs[c.node]
			t.whole += c.whole
			t.twice += c.twice
			t.lost += c.lost
		}
	}
	return tallies
}

// change makes the commits, one after the other, each when all clients have done what they do at the one before: so what
// happens to them is the same in each run with the same seed, however busy the machine is.
func (w *world) change(ctx context.Context, clients []*client) error {
	for round := range w.rounds + 1 {
		if w.progress != nil {
			w.progress(round)
		}
		for _, c := range clients {
			if err := c.allows.wait(ctx, w.set.Revision()); err != nil {
				return err
			}
		}
		if err := w.commit(round); err != nil {
			return err
		}
	}
	return nil
}

// commit makes the commit of a round. Round 0 fills the set; in the others four of five changes are updates, and of the
// rest half are removals and half are additions. Every tenth round has a cluster that clients refuse; the next one mends
// it.
func (w *world) commit(round int) error {
	added := w.resources
	var batch delta.Batch[string, *discovery.Resource]
	var chosen []string
	if round > 0 {
		added = w.changes / 10
		w.rng.Shuffle(len(w.names), func(i, j int) { w.names[i], w.names[j] = w.names[j], w.names[i] })
		for _, name := range w.names[:added] {
			batch.Delete(name)
		}
		w.names = w.names[added:]
		chosen = append(chosen, w.names[:w.changes-2*added]...)
		if slices.Contains(w.names, w.bad) {
			chosen = append(chosen, w.bad)
		}
		w.bad = ""
	}
	for range added {
		name := fmt.Sprintf("service-%05d.default.svc.cluster.local", w.made)
		w.made++
		w.names = append(w.names, name)
		chosen = append(chosen, name)
	}
	revision := w.set.Revision() + 1 // nobody else commits
	for i, name := range chosen {
		bad := round%10 == 5 && round < w.rounds && i == len(chosen)-1
		if bad {
			w.bad = name
		}
		resource, err := newResource(name, revision, bad)
		if err != nil {
			return err
		}
		batch.Store(name, resource)
	}
	w.set.Update(&batch)
	w.committed.set(revision)
	return nil
}

// newResource returns a cluster of that name. A bad one breaks the rule that a time to connect is positive.
func newResource(name string, revision uint64, bad bool) (*discovery.Resource, error) {
	timeout := time.Second + time.Duration(revision)*time.Millisecond
	if bad {
		timeout = -timeout
	}
	encoded, err := anypb.New(&cluster.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &cluster.Cluster_Type{Type: cluster.Cluster_STRICT_DNS},
		ConnectTimeout:       durationpb.New(timeout),
	})
	return &discovery.Resource{Name: name, Version: strconv.FormatUint(revision, 10), Resource: encoded}, err
}

// A counter is a number that grows, and can be waited for. The zero value is ready to use.
type counter struct {
	mu    sync.Mutex
	n     uint64
	moved chan struct{} // closed when n grows; nil if nobody waits
}

func (c *counter) set(n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n = n
	if c.moved != nil {
		close(c.moved)
		c.moved = nil
	}
}

// wait returns when the counter is at n or more, or with the cause when ctx is done.
func (c *counter) wait(ctx context.Context, n uint64) error {
	for {
		moved, ok := c.look(n)
		if ok {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// look reports whether the counter is at n or more and, if not, returns a channel that is closed when it grows.
func (c *counter) look(n uint64) (moved <-chan struct{}, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n >= n {
		return nil, true
	}
	if c.moved == nil {
		c.moved = make(chan struct{})
	}
	return c.moved, false
}
