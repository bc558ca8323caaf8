package main

import (
	"errors"
	"io"
	"iter"
	"strconv"
	"sync"

	clusterservice "github.com/envoyproxy/go-control-plane/envoy/service/cluster/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/delta"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const clusterType = "type.googleapis.com/envoy.config.cluster.v3.Cluster"

type (
	// clusters is the content of the control plane: clusters by name, encoded once for all clients. The version of each
	// is the revision of the commit that stored it, in decimal.
	clusters = delta.Set[string, *discovery.Resource]
	state    = shardmap.Snapshot[string, *discovery.Resource]

	deltaStream = clusterservice.ClusterDiscoveryService_DeltaClustersServer
)

// A server is the incremental form of Envoy's cluster discovery service, for clients that want all clusters. It sends one
// response, and waits for the answer before it sends the next: a slow client gets fewer and larger ones.
type server struct {
	clusterservice.UnimplementedClusterDiscoveryServiceServer
	set *clusters

	mu      sync.Mutex
	resyncs map[string]int // by node: the times that the history did not reach back to what the client had
}

// DeltaClusters serves one client as long as it is connected.
func (s *server) DeltaClusters(stream deltaStream) error {
	hello, err := stream.Recv()
	if err != nil {
		return err
	}
	if names := hello.GetResourceNamesSubscribe(); len(names) > 0 && (len(names) > 1 || names[0] != "*") {
		return status.Errorf(codes.InvalidArgument, "xds: subscription to %q: only to all clusters", names)
	}
	client := session{initial: hello.GetInitialResourceVersions()}
	subscriber := s.set.Subscribe(stream.Context(), newest(client.initial))
	defer subscriber.Close()
	for {
		d, err := subscriber.Next(stream.Context())
		if err != nil {
			return err
		}
		if d.Resync {
			s.countResync(hello.GetNode().GetId())
		}
		accepted, err := exchange(stream, client.response(d))
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case accepted:
			client.acked = d.State
			err = subscriber.Ack(d.To)
		default:
			err = subscriber.Nack(d.To)
		}
		if err != nil {
			return err
		}
	}
}

// exchange sends the response, unless it is empty, and reports whether the client accepts it.
func exchange(stream deltaStream, r *discovery.DeltaDiscoveryResponse) (bool, error) {
	if len(r.Resources) == 0 && len(r.RemovedResources) == 0 {
		return true, nil
	}
	if err := stream.Send(r); err != nil {
		return false, err
	}
	answer, err := stream.Recv()
	if err != nil {
		return false, err
	}
	if answer.GetResponseNonce() != r.Nonce {
		return false, status.Errorf(codes.InvalidArgument, "xds: nonce %q: the last response has %q",
			answer.GetResponseNonce(), r.Nonce)
	}
	return answer.GetErrorDetail() == nil, nil
}

func (s *server) countResync(node string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resyncs[node]++
}

// newest returns the revision of the newest resource that a client has, 0 if it has none.
//
// A client that comes back does not say at which revision it was, but nothing that it has is newer than that. So what
// has changed for it has changed after the newest of what it has; and the removals among those changes that it knows
// already are told by its not having the resource any more.
func newest(versions map[string]string) (revision uint64) {
	for _, version := range versions {
		if v, err := strconv.ParseUint(version, 10, 64); err == nil {
			revision = max(revision, v)
		}
	}
	return revision
}

// A session knows what its client has: until the first acknowledgement what the client said when it came, then the
// state that it acknowledged. That is a snapshot, which shares its memory with the set, not a table for each client.
type session struct {
	initial map[string]string // versions by name
	acked   *state            // nil before the first acknowledgement
}

// version returns the version of the client's resource of that name, and whether it has one.
func (c *session) version(name string) (string, bool) {
	if c.acked == nil {
		version, ok := c.initial[name]
		return version, ok
	}
	resource, ok := c.acked.Load(name)
	return resource.GetVersion(), ok
}

// response returns what takes the client to the state that the delta leads to, and nothing that it has already.
func (c *session) response(d delta.Delta[string, *discovery.Resource]) *discovery.DeltaDiscoveryResponse {
	revision := strconv.FormatUint(d.To, 10)
	r := &discovery.DeltaDiscoveryResponse{TypeUrl: clusterType, SystemVersionInfo: revision, Nonce: revision}
	for name := range c.candidates(d) {
		now, exists := d.State.Load(name)
		version, has := c.version(name)
		switch {
		case exists && (!has || version != now.Version):
			r.Resources = append(r.Resources, now)
		case has && !exists:
			r.RemovedResources = append(r.RemovedResources, name)
		}
	}
	return r
}

// candidates returns the names that may have changed for the client: those that the delta tells or, if the history does
// not reach back that far, those that differ from what the client has.
func (c *session) candidates(d delta.Delta[string, *discovery.Resource]) iter.Seq[string] {
	return func(yield func(string) bool) {
		switch {
		case !d.Resync:
			for _, change := range d.Changes {
				if !yield(change.Key) {
					return
				}
			}
		case c.acked != nil:
			for name := range d.State.Diff(c.acked) {
				if !yield(name) {
					return
				}
			}
		default:
			for name := range d.State.Keys() {
				if !yield(name) {
					return
				}
			}
			for name := range c.initial {
				if _, exists := d.State.Load(name); !exists && !yield(name) {
					return
				}
			}
		}
	}
}
