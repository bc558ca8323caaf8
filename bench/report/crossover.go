package report

import (
	"fmt"
	"math"

	"github.com/shardmap-go/shardmap/bench/internal/text"
	"github.com/shardmap-go/shardmap/bench/run"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// Where one strategy has the cheaper reads and another the cheaper writes, there is a share of writes at which both cost
// the same. With r and w for what a read and a write cost, and a part f of writes, an operation costs (1-f)·r + f·w. That
// is equal for the best strategy b and another one x if f·(w_x - w_b) = (1-f)·(r_b - r_x): so many writes to each read
// as the read of x is cheaper, divided by what its write is dearer. The costs are those of one goroutine alone, in which
// mapbench's own time is the same for all, and cancels out. Nothing is said unless the batches of both strategies leave no
// doubt which is cheaper.

// crossover says with how many writes another strategy would win, if there is one.
func crossover(r *run.Result, ranked []run.Strategy) []string {
	best := ranked[0]
	m := r.Workload.Any()
	reads := best.Summary(run.Round.Throughput).Median * shareOf(m, isRead)
	if reads == 0 || len(r.Workload.Phases) > 0 || r.Workload.Paced() {
		return nil
	}
	var winner run.Strategy
	most := 0.0 // writes to each read
	for _, s := range ranked[1:] {
		if score(r, s).Overlaps(score(r, best)) {
			continue // no worse with the writes that there are
		}
		if writes := balance(m, best, s); writes > most && writes < shareOf(m, isWrite)/shareOf(m, isRead) {
			winner, most = s, writes
		}
	}
	if most == 0 || reads*most < 1 {
		return nil
	}
	r1, w1 := costOf(m, best, isRead), costOf(m, best, isWrite)
	r2, w2 := costOf(m, winner, isRead), costOf(m, winner, isWrite)
	return []string{fmt.Sprintf(
		"%s would win below %s writes/s beside as many reads, one in %s operations: alone, a read takes it %s less, and a write %s more.",
		winner.Name, about(reads*most), about((1+most)/most), duration(r1.NS-r2.NS), duration(w2.NS-w1.NS))}
}

// balance returns how many writes there must be to each read for both strategies to cost the same, or 0 if x does not have
// the cheaper reads and the dearer writes.
func balance(m workload.Mix, best, x run.Strategy) float64 {
	rb, wb := costOf(m, best, isRead), costOf(m, best, isWrite)
	rx, wx := costOf(m, x, isRead), costOf(m, x, isWrite)
	if rb.Operations == 0 || wb.Operations == 0 || rx.Operations == 0 || wx.Operations == 0 {
		return 0
	}
	if rx.NSHigh >= rb.NSLow || wx.NSLow <= wb.NSHigh {
		return 0
	}
	return (rb.NS - rx.NS) / (wx.NS - wb.NS)
}

// isRead tells whether operations change nothing, which LoadOrStore of a key that is there does not.
func isRead(name string) bool {
	return name == "load" || name == "miss" || name == "loadOrStore" || name == "range"
}

func isWrite(name string) bool { return !isRead(name) }

// shareOf returns the part of the operations that are of some kinds.
func shareOf(m workload.Mix, of func(string) bool) float64 {
	sum, all := 0.0, 0.0
	for name, weight := range m.Weights() {
		if all += weight; of(name) {
			sum += weight
		}
	}
	return sum / all
}

// costOf returns the mean cost of operations of some kinds, as often as each is in the mix. Without a cost of each of them
// it returns none.
func costOf(m workload.Mix, s run.Strategy, of func(string) bool) run.Cost {
	var mean run.Cost
	sum := 0.0
	for name, weight := range m.Weights() {
		if !of(name) {
			continue
		}
		c, ok := s.Costs[name]
		if !ok {
			return run.Cost{}
		}
		mean.NS += weight * c.NS
		mean.NSLow += weight * c.NSLow
		mean.NSHigh += weight * c.NSHigh
		mean.Operations += c.Operations
		sum += weight
	}
	mean.NS, mean.NSLow, mean.NSHigh = mean.NS/sum, mean.NSLow/sum, mean.NSHigh/sum
	return mean
}

// about writes a number with two digits that mean something, as more would promise too much.
func about(x float64) string {
	step := math.Pow(10, max(0, math.Floor(math.Log10(x))-1))
	return text.Thousands(int(math.Round(x/step) * step))
}
