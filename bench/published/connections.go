package published

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/shardmap-go/shardmap/bench/internal/text"
)

// A connectionLoad is connections with a session each. A request loads the session, loads those of some others, and
// stores its own one anew; one request in some is the last of its session, and the first of another one.
type connectionLoad struct {
	connections int
	peers       int // that a request looks at
	requests    int // of a session
	duration    time.Duration
}

func prepareConnections(quick bool) (string, []contestant) {
	l := connectionLoad{connections: 3_000, peers: 6, requests: 16, duration: 500 * time.Millisecond}
	if quick {
		l = connectionLoad{connections: 50, peers: 6, requests: 4, duration: 3 * time.Millisecond}
	}
	return fmt.Sprintf("%s connections; a request is %d loads and a store, one in %d starts a new session; for %v",
			text.Thousands(l.connections), l.peers+1, l.requests, l.duration), []contestant{
			with("sync.Map", l.measure, "sync.Map"), with("64 shards", l.measure, "RWMutex:64"),
			with("Map", l.measure, "Map"), with("RWMap", l.measure, "RWMap"),
		}
}

func (l connectionLoad) measure(ctx context.Context, newMap func() intMap) (Sample, error) {
	m := newMap()
	fill(m, initial(l.connections))
	type session struct{ id, version int }
	sessions := make([]session, l.connections)
	current := make([]atomic.Int64, l.connections) // the sessions' numbers, for the peers
	for connection := range current {
		current[connection].Store(int64(connection))
	}
	var requests atomic.Int64
	var wrong fault
	elapsed := during(ctx, l.duration, l.connections, func(connection int, stop *atomic.Bool) {
		rng := rand.New(rand.NewPCG(uint64(connection), 4))
		me := session{id: connection}
		done := 0
		for !stop.Load() {
			if v, ok := m.Load(me.id); !ok || v != value(me.id, me.version) {
				wrong.report("the session %d is %d, %t, but %d was stored last", me.id, v, ok, value(me.id, me.version))
			}
			for range l.peers {
				peer := int(current[rng.IntN(l.connections)].Load())
				if v, ok := m.Load(peer); ok && keyOf(v) != peer { // it may just have ended
					wrong.report("the session %d has the value %d", peer, v)
				}
			}
			done++
			me.version++
			if done%l.requests == 0 {
				m.Delete(me.id)
				me = session{id: me.id + l.connections} // no number is ever used again
				current[connection].Store(int64(me.id))
			}
			m.Store(me.id, value(me.id, me.version))
			runtime.Gosched() // the next request of another connection
		}
		sessions[connection] = me
		requests.Add(int64(done))
	})
	if err := wrong.err(); err != nil {
		return nil, err
	}
	return Sample{
			// All connections have a request all the time. So a request takes the time in which each of them gets one
			// done.
			"response time": milliseconds(elapsed) * float64(l.connections) / float64(max(requests.Load(), 1)),
		}, expect(m, func(yield func(int, int) bool) {
			for _, s := range sessions {
				if !yield(s.id, value(s.id, s.version)) {
					return
				}
			}
		})
}
