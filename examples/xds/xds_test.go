package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
)

// testSeed returns the seed of a randomised test and prints it, so that a failure can be had again with
// SHARDMAP_SEED=<seed> go test -run <test>.
func testSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("SHARDMAP_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SHARDMAP_SEED=%s: %v", s, err)
		}
	}
	t.Logf("SHARDMAP_SEED=%d", seed)
	return seed
}

// Properties, of a run with clients of all habits:
//
//  1. nothing is lost: after each response that it accepts, a client has what the set had at that revision;
//  2. nothing is sent twice, except what was refused;
//  3. each habit has led to what it is there for: refusals, several connections, clients that the history does not
//     reach back to; and if it reaches back far enough, it alone serves every client, those that come back too.
func TestNothingIsLostAndNothingIsSentTwice(t *testing.T) {
	const all = 1000 // rounds of history: more than there are
	for _, s := range []settings{
		{resources: 400, changes: 40, rounds: 80, history: historyRounds},
		{resources: 400, changes: 40, rounds: 80, history: all},
		{resources: 10, changes: 1, rounds: 80, history: historyRounds}, // updates only
		{resources: 20, changes: 10, rounds: 60, history: historyRounds},
		{resources: 50, changes: 5, rounds: 1, history: historyRounds},
	} {
		s.seed = testSeed(t)
		tallies, err := newWorld(s).run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, tally := range tallies {
			h := habits[i]
			if tally.lost > 0 || tally.twice > 0 {
				t.Errorf("%s: %d lost, %d sent twice", h.name, tally.lost, tally.twice)
			}
			if s.history == all && tally.resyncs > 0 {
				t.Errorf("%s: %d resyncs with the whole history", h.name, tally.resyncs)
			}
			if s.rounds > 50 {
				checkHabit(t, h, tally, s)
			}
		}
	}
}

func checkHabit(t *testing.T, h habit, happened tally, s settings) {
	if (happened.connections > h.clients) != (h.stays > 0) {
		t.Errorf("%s: %d clients made %d connections", h.name, h.clients, happened.connections)
	}
	if beyond := max(h.thinks, h.away) > uint64(s.history); beyond && happened.resyncs <= h.clients {
		t.Errorf("%s: only %d resyncs of %d clients", h.name, happened.resyncs, h.clients)
	} else if !beyond && happened.resyncs > h.clients { // the first of each, when it has nothing
		t.Errorf("%s: %d resyncs of %d clients", h.name, happened.resyncs, h.clients)
	}
	if h.stays == 0 && h.thinks == 0 && happened.refused == 0 {
		t.Errorf("%s: nothing was refused", h.name)
	}
}

// A server that makes mistakes has to be found out, or the test above is worth nothing.
func TestTheClientsNoticeWhatIsLostAndWhatIsSentTwice(t *testing.T) {
	for name, mistake := range map[string]func(r *discovery.DeltaDiscoveryResponse, last []*discovery.Resource){
		"loses an update": func(r *discovery.DeltaDiscoveryResponse, _ []*discovery.Resource) {
			if len(r.Resources) > 0 {
				r.Resources = r.Resources[1:]
			}
		},
		"loses a removal": func(r *discovery.DeltaDiscoveryResponse, _ []*discovery.Resource) {
			r.RemovedResources = nil
		},
		"sends an update twice": func(r *discovery.DeltaDiscoveryResponse, last []*discovery.Resource) {
			r.Resources = append(r.Resources, last...)
		},
		"sends a removal twice": func(r *discovery.DeltaDiscoveryResponse, _ []*discovery.Resource) {
			r.RemovedResources = append(r.RemovedResources, "service-of-long-ago")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings{resources: 100, changes: 20, rounds: 10, history: historyRounds, seed: testSeed(t)}
			s.options = []grpc.ServerOption{grpc.StreamInterceptor(
				func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
					return handle(srv, &mistaken{ServerStream: stream, mistake: mistake})
				})}
			tallies, err := newWorld(s).run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var lost, twice int
			for _, tally := range tallies {
				lost += tally.lost
				twice += tally.twice
			}
			if strings.Contains(name, "loses") && lost == 0 || strings.Contains(name, "twice") && twice == 0 {
				t.Errorf("a server that %s: %d lost, %d sent twice", name, lost, twice)
			}
		})
	}
}

// mistaken is a stream on whose way messages are changed.
type mistaken struct {
	grpc.ServerStream
	mistake func(r *discovery.DeltaDiscoveryResponse, last []*discovery.Resource)
	last    []*discovery.Resource
}

func (m *mistaken) SendMsg(message any) error {
	r := message.(*discovery.DeltaDiscoveryResponse)
	sent := r.Resources[:len(r.Resources):len(r.Resources)]
	m.mistake(r, m.last)
	m.last = sent[:min(1, len(sent))]
	return m.ServerStream.SendMsg(r)
}

func TestAnInterruptedRunEndsWithEverythingStopped(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	s := settings{resources: 100, changes: 10, rounds: 1000, history: historyRounds, seed: testSeed(t)}
	s.progress = func(round int) {
		if round == 20 {
			interrupt()
		}
	}
	if _, err := newWorld(s).run(ctx); exitCode(err) != 130 {
		t.Errorf("error %v", err)
	}
}

func TestTheProgramPrintsATableAndItsProgress(t *testing.T) {
	var out, terminal strings.Builder
	args := []string{"-resources", "200", "-rounds", "30", "-churn", "10", "-seed", "1"}
	if err := run(t.Context(), args, &out, &terminal); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"200 clusters, 20 changes in each of 30 rounds", "sent twice", "long away"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if !strings.Contains(terminal.String(), "\rround 30 of 30 ") {
		t.Errorf("the progress was %q", terminal.String())
	}
}

func TestBadArgumentsAreNamed(t *testing.T) {
	for _, args := range [][]string{{"-resources", "9"}, {"-resources", "1000001"}, {"-rounds", "0"}, {"-churn", "0"},
		{"-churn", "51"}, {"-churn", "NaN"}, {"-churn", "x"}, {"more"}} {
		err := run(t.Context(), args, io.Discard, nil)
		if !errors.Is(err, errUsage) || exitCode(err) != 2 || !strings.Contains(err.Error(), args[len(args)-1]) {
			t.Errorf("%q: %v", args, err)
		}
	}
	if err := run(t.Context(), []string{"-h"}, io.Discard, nil); exitCode(err) != 0 {
		t.Error(err)
	}
}

// A client of a former life of the server comes with versions that this one has not reached.
func TestAClientOfAFormerLifeGetsWhatDiffers(t *testing.T) {
	w := newWorld(settings{resources: 20, changes: 10, rounds: 3, history: historyRounds, seed: testSeed(t)})
	service := &server{set: w.set, resyncs: map[string]int{}}
	if err := w.commit(0); err != nil {
		t.Fatal(err)
	}
	kept, changed := w.names[0], w.names[1]
	stream := &spoken{ctx: t.Context(), hello: &discovery.DeltaDiscoveryRequest{
		InitialResourceVersions: map[string]string{kept: "1", changed: "77", "gone": "78"},
	}}
	if err := service.DeltaClusters(stream); err != nil {
		t.Fatal(err)
	}
	sent := map[string]bool{}
	for _, resource := range stream.sent.Resources {
		sent[resource.Name] = true
	}
	if len(sent) != len(w.names)-1 || sent[kept] || len(stream.sent.RemovedResources) != 1 {
		t.Errorf("sent %d resources, and removed %v", len(sent), stream.sent.RemovedResources)
	}
}

// spoken is the stream of a client that says one thing, hears one, and hangs up.
type spoken struct {
	grpc.ServerStream
	ctx   context.Context
	hello *discovery.DeltaDiscoveryRequest
	sent  *discovery.DeltaDiscoveryResponse
}

func (s *spoken) Context() context.Context { return s.ctx }

func (s *spoken) Recv() (*discovery.DeltaDiscoveryRequest, error) {
	hello := s.hello
	if s.hello = nil; hello == nil {
		return nil, io.EOF
	}
	return hello, nil
}

func (s *spoken) Send(r *discovery.DeltaDiscoveryResponse) error {
	s.sent = r
	return nil
}
