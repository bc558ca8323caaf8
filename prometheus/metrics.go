package shardmapprom

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/shardmap-go/shardmap"
)

const (
	labelMap       = "map"
	labelOperation = "operation"
	labelResult    = "result"

	durationName = "shardmap_operation_duration_seconds"
	durationHelp = "Duration of a sample of the operations of an instrumented map, callbacks included, by kind and result."
)

// A figure is one of a map's Stats as a metric.
type figure struct {
	name, help string
	kind       prometheus.ValueType
	of         func(shardmap.Stats) float64
}

var figures = []figure{
	{"shardmap_entries", "Number of entries.",
		prometheus.GaugeValue, func(s shardmap.Stats) float64 { return float64(s.Entries) }},
	{"shardmap_shards", "Number of shards that the entries are spread over.",
		prometheus.GaugeValue, func(s shardmap.Stats) float64 { return float64(s.Shards) }},
	{"shardmap_fill_ratio", "Entries for each slot of a bucket; 0.83 when all shards are about to split.",
		prometheus.GaugeValue, func(s shardmap.Stats) float64 { return s.Fill }},
	{"shardmap_skew_ratio", "Entries of the fullest shard divided by the mean of all shards; 1 is even, 0 an empty map.",
		prometheus.GaugeValue, func(s shardmap.Stats) float64 { return s.Skew }},
	{"shardmap_splits_total", "Shards split since the map was made.",
		prometheus.CounterValue, func(s shardmap.Stats) float64 { return float64(s.Splits) }},
	{"shardmap_copies_total", "Shards copied because a snapshot or clone shared them.",
		prometheus.CounterValue, func(s shardmap.Stats) float64 { return float64(s.Copies) }},
	{"shardmap_rehashes_total", "Times that the hash function was given up because it did not tell keys apart.",
		prometheus.CounterValue, func(s shardmap.Stats) float64 { return float64(s.Rehashes) }},
	{"shardmap_memory_bytes", "Memory of the map: shards, entries and boxed values, without what keys and values point to.",
		prometheus.GaugeValue, func(s shardmap.Stats) float64 { return float64(s.Bytes) }},
}

// descriptions are those of all metrics of a collector, with its constant labels.
type descriptions struct {
	figures                         []*prometheus.Desc // in the order of figures
	operations, zeroReads, duration *prometheus.Desc
}

func newDescriptions(constant prometheus.Labels) descriptions {
	var d descriptions
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, append([]string{labelMap}, labels...), constant)
	}
	for _, f := range figures {
		d.figures = append(d.figures, describe(f.name, f.help))
	}
	d.operations = describe("shardmap_operations_total",
		"Operations of an instrumented map by kind and result.", labelOperation, labelResult)
	d.zeroReads = describe("shardmap_zero_value_reads_total",
		"Operations of an instrumented map that found their key with the zero value.", labelOperation)
	d.duration = describe(durationName, durationHelp, labelOperation, labelResult)
	return d
}

func (d descriptions) each(visit func(*prometheus.Desc)) {
	for _, desc := range d.figures {
		visit(desc)
	}
	visit(d.operations)
	visit(d.zeroReads)
	visit(d.duration)
}

func (d descriptions) sendStats(ch chan<- prometheus.Metric, name string, s shardmap.Stats) {
	for i, f := range figures {
		ch <- prometheus.MustNewConstMetric(d.figures[i], f.kind, f.of(s), name)
	}
}

// sendOperations sends what r has recorded: counters for every result that there can be, so that rates begin at zero, and
// histograms for those that were measured, because they are large.
func (d descriptions) sendOperations(ch chan<- prometheus.Metric, name string, r *recorder) {
	counts := r.counts()
	counter := func(desc *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), labels...)
	}
	for o, kind := range kinds {
		row := counts[o*outcomes : (o+1)*outcomes]
		for i, result := range kind.results {
			n := row[i]
			switch {
			case result == "":
				continue
			case outcome(i) == zero:
				counter(d.zeroReads, n, name, kind.name)
				continue
			case outcome(i) == hit:
				n += row[zero]
			}
			counter(d.operations, n, name, kind.name, result)
			if h := r.histograms[cellOf(operation(o), outcome(i))].Load(); h != nil {
				ch <- labelled{*h, d.duration, prometheus.MakeLabelPairs(d.duration, []string{name, kind.name, result})}
			}
		}
	}
}

// labelled is a metric without labels, shown under a description and labels that were not known when it was made.
type labelled struct {
	prometheus.Metric
	desc   *prometheus.Desc
	labels []*dto.LabelPair
}

func (m labelled) Desc() *prometheus.Desc { return m.desc }

func (m labelled) Write(out *dto.Metric) error {
	err := m.Metric.Write(out)
	out.Label = m.labels
	return err
}
