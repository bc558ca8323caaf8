package run

import (
	"testing"
	"time"

	"github.com/shardmap-go/shardmap/bench/internal/data"
	"github.com/shardmap-go/shardmap/bench/strategy"
)

// stallShare runs one goroutine of stores against a map of which one store stalls in the middle. It returns which part of
// the latencies is half of the stall or more, and all there are.
func stallShare(t *testing.T, stall time.Duration, rate string) (share float64, round Round) {
	t.Helper()
	block := nth(300)
	stalling := faultyStrategy("stalling", func(m *faulty) {
		m.store = func(key string, value int) {
			if block() {
				time.Sleep(stall)
			}
			m.Map.Store(key, value)
		}
	})
	w := parse(t, `{"keys": {"number": 100}, "values": "int", "operations": {"store": 1}, "goroutines": 1, "duration": "800ms"`+rate+`}`)
	o := Options{}
	o.complete(w)
	b := newBench(w, parts(w, o), 1, data.StringKey, func(int) data.ValueKind[int] { return data.IntValues() })
	b.begin()
	b.hire(nil, 1)
	m := strategy.MakerFor[string, int](stalling)()
	b.fill(m)
	b.workers[0].use(m)
	tally := b.work(t.Context(), m, &b.parts[0], b.parts[0].duration)
	if err := b.check(m); err != nil {
		t.Error(err)
	}
	round = tally.round()
	for _, bar := range tally.hists[store].Distribution() {
		if time.Duration(bar.From) >= stall/2 {
			share += float64(bar.Count) / float64(round.Samples)
		}
	}
	return share, round
}

func TestAStallShowsInLatenciesAtARateButNotAtFullSpeed(t *testing.T) {
	// One store stalls, for as long as takes a hundred of 400 operations of the rate. In truth half of those hundred, an
	// eighth of all, were late by half of the stall or more. Seen from their own start, as at full speed, only one was slow.
	const stall = 200 * time.Millisecond
	paced, round := stallShare(t, stall, `, "rate": 500`)
	if round.Samples != 400 || round.Operations+round.Late != 400 {
		t.Errorf("%d latencies of %d operations, and %d given up, at 500 a second for 800 ms", round.Samples, round.Operations, round.Late)
	}
	if paced < 45.0/400 {
		t.Errorf("%.3f of all operations were late by half of the stall or more, want about 0.125", paced)
	}
	if time.Duration(round.P99) < stall*9/10 || time.Duration(round.Max) < stall*98/100 {
		t.Errorf("P99 is %v and the longest latency %v, after a stall of %v", time.Duration(round.P99), time.Duration(round.Max), stall)
	}
	full, round := stallShare(t, stall, "")
	if round.Samples < 100 || full > paced/10 {
		t.Errorf("at full speed, %.4f of %d operations were that slow, want next to none", full, round.Operations)
	}
}

func TestWhatCannotBeServedInTimeCountsAsLate(t *testing.T) {
	slow := faultyStrategy("slow", func(m *faulty) {
		m.load = func(key string) (int, bool) {
			time.Sleep(time.Millisecond)
			return m.Map.Load(key)
		}
	})
	w := parse(t, `{"keys": {"number": 10}, "values": "int", "operations": {"load": 1}, "goroutines": 1, "rate": 100000}`)
	r := Run(t.Context(), w, []strategy.Strategy{slow}, Options{Rounds: 1, Duration: 20 * time.Millisecond})
	round := r.Strategies[0].Rounds[0]
	if round.Late == 0 || round.Operations+round.Late != 2000 || round.Samples != 2000 {
		t.Errorf("%+v, want 2000 operations, most of them late", round)
	}
}
