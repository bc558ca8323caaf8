package shardmapprom

import (
	"math/rand/v2"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
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

// registered returns a collector that shows the source as "m", and a registry that has it.
func registered(t testing.TB, m Source) (*Collector, *prometheus.Registry) {
	t.Helper()
	c, r := NewCollector(nil), prometheus.NewPedanticRegistry()
	r.MustRegister(c)
	if err := c.Register("m", m); err != nil {
		t.Fatal(err)
	}
	return c, r
}

// gathered returns the values of all series, by name and labels as in `shardmap_entries{map="m"}`. Of a histogram that
// is the number of observations, by its name with _count at the end.
func gathered(t testing.TB, g prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return series(families)
}

func series(families []*dto.MetricFamily) map[string]float64 {
	values := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.Metric {
			name, value := f.GetName(), m.GetGauge().GetValue()+m.GetCounter().GetValue()
			if m.Histogram != nil {
				name, value = name+"_count", float64(m.Histogram.GetSampleCount())
			}
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+strconv.Quote(l.GetValue()))
			}
			sort.Strings(labels)
			values[name+"{"+strings.Join(labels, ",")+"}"] = value
		}
	}
	return values
}

func operationSeries(operation, result string) string {
	return `shardmap_operations_total{map="m",operation="` + operation + `",result="` + result + `"}`
}

func zeroSeries(operation string) string {
	return `shardmap_zero_value_reads_total{map="m",operation="` + operation + `"}`
}

func durationSeries(operation, result string) string {
	return `shardmap_operation_duration_seconds_count{map="m",operation="` + operation + `",result="` + result + `"}`
}

// checkCounts compares all counters of operations and zero-value reads with what is wanted; those not wanted are 0.
func checkCounts(t *testing.T, got, want map[string]float64) {
	t.Helper()
	seen := 0
	for name, value := range got {
		if !strings.HasPrefix(name, "shardmap_operations_total") && !strings.HasPrefix(name, "shardmap_zero") {
			continue
		}
		if value != want[name] {
			t.Errorf("%s is %v, want %v", name, value, want[name])
		}
		if _, ok := want[name]; ok {
			seen++
		}
	}
	if seen != len(want) {
		t.Errorf("%d of the %d series wanted are there", seen, len(want))
	}
}

// together runs f(0) to f(n-1) at the same time.
func together(n int, f func(i int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-start
			f(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}

// interrupted runs f in a goroutine of its own, waits until it has ended, and returns the panic that ended it, if any.
func interrupted(f func()) (value any) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { value = recover() }()
		f()
	}()
	<-done
	return value
}

var interruptions = map[string]func(){
	"panic":  func() { panic("interrupted") },
	"goexit": runtime.Goexit,
}
