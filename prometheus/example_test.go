package shardmapprom_test

import (
	"fmt"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/shardmap-go/shardmap"
	shardmapprom "github.com/shardmap-go/shardmap/prometheus"
)

// show prints metrics as Prometheus is given them.
func show(c prometheus.Collector, names ...string) {
	text, err := testutil.CollectAndFormat(c, expfmt.TypeTextPlain, names...)
	if err != nil {
		fmt.Println(err)
	}
	_, _ = os.Stdout.Write(text)
}

func ExampleCollector() {
	maps := shardmapprom.NewCollector(prometheus.Labels{"app": "shop"}) // prometheus.MustRegister(maps)

	var stock shardmap.Map[string, int]
	var carts shardmap.Map[int64, []string]
	stock.Store("apples", 3)
	fmt.Println(maps.Register("stock", &stock), maps.Register("carts", &carts))
	show(maps, "shardmap_entries")

	fmt.Println(maps.Register("stock", &carts))
	fmt.Println(maps.Unregister("stock"))
	show(maps, "shardmap_entries")
	// Output:
	// <nil> <nil>
	// # HELP shardmap_entries Number of entries.
	// # TYPE shardmap_entries gauge
	// shardmap_entries{app="shop",map="carts"} 0
	// shardmap_entries{app="shop",map="stock"} 1
	// shardmapprom: Register "stock": a *shardmap.Map[string,int] has this name already
	// true
	// # HELP shardmap_entries Number of entries.
	// # TYPE shardmap_entries gauge
	// shardmap_entries{app="shop",map="carts"} 0
}

func ExampleMap() {
	m := shardmapprom.Instrument(new(shardmap.Map[string, *int]))
	maps := shardmapprom.NewCollector(nil)
	if err := maps.Register("owners", m); err != nil {
		fmt.Println(err)
	}
	m.Store("pod-1", nil) // present, though nil
	owner, ok := m.Load("pod-1")
	fmt.Println(owner == nil, ok) // code that asks for nil, not for ok, is wrong here
	m.Load("pod-2")
	show(maps, "shardmap_zero_value_reads_total")
	// Output:
	// true true
	// # HELP shardmap_zero_value_reads_total Operations of an instrumented map that found their key with the zero value.
	// # TYPE shardmap_zero_value_reads_total counter
	// shardmap_zero_value_reads_total{map="owners",operation="compute"} 0
	// shardmap_zero_value_reads_total{map="owners",operation="load"} 1
	// shardmap_zero_value_reads_total{map="owners",operation="load_and_delete"} 0
	// shardmap_zero_value_reads_total{map="owners",operation="load_or_compute"} 0
	// shardmap_zero_value_reads_total{map="owners",operation="load_or_store"} 0
	// shardmap_zero_value_reads_total{map="owners",operation="swap"} 0
}

// queue has a map inside, and figures like it.
type queue struct{ jobs shardmap.Map[int, string] }

func (q *queue) Stats() shardmap.Stats { return q.jobs.Stats() }

func ExampleSource() {
	maps := shardmapprom.NewCollector(nil)
	fmt.Println(maps.Register("queue", new(queue)))
	// Output: <nil>
}

func ExampleWithSampling() {
	exact := shardmapprom.Instrument(new(shardmap.Map[int, int]), shardmapprom.WithSampling(1)) // measure all
	coarse := shardmapprom.Instrument(exact.Unwrap(), shardmapprom.WithSampling(0))             // count only
	exact.Store(1, 1)
	fmt.Println(coarse.Load(1))
	// Output: 1 true
}
