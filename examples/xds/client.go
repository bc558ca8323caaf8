package main

import (
	"context"
	"fmt"
	"maps"
	"strconv"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	clusterservice "github.com/envoyproxy/go-control-plane/envoy/service/cluster/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A habit is how some of the clients behave. Its numbers are revisions.
type habit struct {
	name    string
	clients int
	thinks  uint64 // how many it lets pass before it answers
	stays   uint64 // how many it stays connected for, or 0; it goes without an answer to what it was sent last
	away    uint64 // how many it is away for
}

// The history reaches back that many rounds.
const historyRounds = 20

var habits = []habit{
	{name: "steady", clients: 3},
	{name: "slow", clients: 2, thinks: 6},
	{name: "slower than the history", clients: 1, thinks: historyRounds + 5},
	{name: "reconnecting", clients: 2, stays: 5, away: 3},
	{name: "long away", clients: 2, stays: 4, away: historyRounds + 3},
}

// A client is what Envoy is: it keeps what it is sent, if all of it is valid. Besides, it checks it.
type client struct {
	habit
	node    string
	service clusterservice.ClusterDiscoveryServiceClient
	world   *world
	have    map[string]string // versions by name
	told    uint64            // the revision of the last response
	allows  counter           // the world may go on from revisions up to this one: nothing is to be done before
	tally
}

// A tally is what has happened to a client.
type tally struct {
	connections, responses, resources, removals, refused, resyncs int

	whole int // the resources that the responses would have had if each had been the whole state
	twice int // resources that it had in that version, or a newer one, and removals of what it had not
	lost  int // entries that were not as in the set at that revision
}

// run follows the server until the client has been told the last revision.
func (c *client) run(ctx context.Context) error {
	for {
		if err := c.connect(ctx); err != nil {
			return fmt.Errorf("%s: %w", c.node, err)
		}
		if c.told == c.world.last {
			return nil
		}
		if err := c.pass(ctx, c.away); err != nil {
			return err
		}
	}
}

// pass lets that many revisions pass.
func (c *client) pass(ctx context.Context, revisions uint64) error {
	c.allows.set(c.told + max(revisions, 1) - 1)
	return c.world.committed.wait(ctx, min(c.told+revisions, c.world.last))
}

// connect follows the server until the client has been told the last revision, or for as long as it is its habit to stay.
func (c *client) connect(ctx context.Context) error {
	ctx, hangUp := context.WithCancel(ctx)
	defer hangUp()
	stream, err := c.service.DeltaClusters(ctx, grpc.MaxCallRecvMsgSize(1<<30))
	if err != nil {
		return err
	}
	c.connections++
	hello := &discovery.DeltaDiscoveryRequest{
		Node: &core.Node{Id: c.node}, TypeUrl: clusterType, InitialResourceVersions: maps.Clone(c.have),
	}
	if err := stream.Send(hello); err != nil {
		return err
	}
	for came := c.told; c.told < c.world.last; {
		response, err := stream.Recv()
		if err != nil {
			return err
		}
		answer, err := c.take(response)
		if err != nil {
			return err
		}
		if c.stays > 0 && c.told >= came+c.stays && c.told < c.world.last {
			return nil
		}
		if err := c.pass(ctx, c.thinks); err != nil {
			return err
		}
		if err := stream.Send(answer); err != nil {
			return err
		}
	}
	return stream.CloseSend()
}

// take applies a response, if all resources in it are valid, and returns the answer.
//
// What the client has is compared with the set as it is now: the world does not go on before the client allows it to.
func (c *client) take(r *discovery.DeltaDiscoveryResponse) (*discovery.DeltaDiscoveryRequest, error) {
	want, revision := c.world.set.Snapshot()
	if r.SystemVersionInfo != strconv.FormatUint(revision, 10) {
		return nil, fmt.Errorf("response of revision %q: the set is at %d", r.SystemVersionInfo, revision)
	}
	c.told = revision
	c.responses++
	answer := &discovery.DeltaDiscoveryRequest{TypeUrl: clusterType, ResponseNonce: r.Nonce}
	if err := valid(r.Resources); err != nil {
		c.refused++
		answer.ErrorDetail = status.New(codes.InvalidArgument, err.Error()).Proto()
		return answer, nil
	}
	for _, resource := range r.Resources {
		if version, has := c.have[resource.Name]; has && !older(version, resource.Version) {
			c.twice++
		}
		c.have[resource.Name] = resource.Version
	}
	for _, name := range r.RemovedResources {
		if _, has := c.have[name]; !has {
			c.twice++
		}
		delete(c.have, name)
	}
	c.resources += len(r.Resources)
	c.removals += len(r.RemovedResources)
	c.whole += want.Len()
	c.lost += differences(want, c.have)
	return answer, nil
}

// valid returns an error if one of the resources is not a cluster, or breaks the rules that Envoy's own types have.
func valid(resources []*discovery.Resource) error {
	for _, resource := range resources {
		var c cluster.Cluster
		if err := resource.Resource.UnmarshalTo(&c); err != nil {
			return err
		}
		if err := c.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// older reports whether version a is older than version b.
func older(a, b string) bool {
	x, errX := strconv.ParseUint(a, 10, 64)
	y, errY := strconv.ParseUint(b, 10, 64)
	return errX == nil && errY == nil && x < y
}

// differences returns how many entries are missing, wrong or too many.
func differences(want *state, have map[string]string) (n int) {
	found := 0
	for name, resource := range want.All() {
		version, has := have[name]
		if has {
			found++
		}
		if !has || version != resource.Version {
			n++
		}
	}
	return n + len(have) - found
}
