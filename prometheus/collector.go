package shardmapprom

import (
	"fmt"
	"maps"
	"reflect"
	"sync"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"github.com/shardmap-go/shardmap"
)

// Source is what a [Collector] shows: a [shardmap.Map], a [Map], or anything else that has the same figures. Stats is
// called in each scrape, possibly by several goroutines at once.
type Source interface {
	Stats() shardmap.Stats
}

// Collector is a [prometheus.Collector] that shows any number of maps, of any types, each under its name as the label
// "map". It is made by [NewCollector]. All methods may be called at any time by any goroutine.
//
// A scrape asks each map for its [shardmap.Map.Stats], one after the other, with no lock of the collector held. That takes
// a few nanoseconds per bucket of the map, and locks its shards for reading one at a time. The figures of different
// maps, and of one map while it is written, are not of the same instant.
type Collector struct {
	desc descriptions

	mu      sync.Mutex
	sources map[string]Source
}

var _ prometheus.Collector = (*Collector)(nil)

// NewCollector returns a collector without maps, all of whose metrics have the given constant labels, which may be nil.
// Collectors that are registered in the same place need different ones.
//
// It panics if a label has a bad name or value, or the name of one that the metrics have anyway: map, operation or result.
func NewCollector(constant prometheus.Labels) *Collector {
	for label, value := range constant {
		switch {
		case label == labelMap || label == labelOperation || label == labelResult:
			panic(fmt.Sprintf("shardmapprom: NewCollector label %q: the metrics have a label of this name", label))
		case !model.UTF8Validation.IsValidLabelName(label) || len(label) > 1 && label[:2] == "__":
			panic(fmt.Sprintf("shardmapprom: NewCollector label %q: not a name for a label", label))
		case !utf8.ValidString(value):
			panic(fmt.Sprintf("shardmapprom: NewCollector label %q: value %q is not UTF-8", label, value))
		}
	}
	return &Collector{desc: newDescriptions(constant), sources: make(map[string]Source)}
}

// Register shows m under the name from now on, until [Collector.Unregister]. Until then the collector keeps m from being
// garbage collected. If m is, or embeds, a [Map], its operations are shown, too.
//
// It returns an error, and changes nothing, if the name is empty, not UTF-8, or that of a map that is registered, or if m
// is nil.
func (c *Collector) Register(name string, m Source) error {
	switch {
	case name == "":
		return fmt.Errorf("shardmapprom: Register %q: a map needs a name", name)
	case !utf8.ValidString(name):
		return fmt.Errorf("shardmapprom: Register %q: the name is not UTF-8", name)
	case isNil(m):
		return fmt.Errorf("shardmapprom: Register %q: %T(nil) has no figures", name, m)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if other, ok := c.sources[name]; ok {
		return fmt.Errorf("shardmapprom: Register %q: a %T has this name already", name, other)
	}
	c.sources[name] = m
	return nil
}

// Unregister ends what [Collector.Register] began, and reports whether there was a map of this name. A scrape that is
// under way may still show it.
func (c *Collector) Unregister(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.sources[name]
	delete(c.sources, name)
	return ok
}

// Describe implements [prometheus.Collector]. The descriptions do not depend on the maps that are registered.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	c.desc.each(func(d *prometheus.Desc) { ch <- d })
}

// Collect implements [prometheus.Collector]. A Stats method that panics, which those of this library never do, makes the
// scrape fail with an error that names the map; the program goes on.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	sources := maps.Clone(c.sources) // so that Stats runs, and the channel blocks, without the lock
	c.mu.Unlock()
	for name, source := range sources {
		stats, err := statsOf(name, source)
		if err != nil {
			ch <- prometheus.NewInvalidMetric(c.desc.figures[0], err)
			continue
		}
		c.desc.sendStats(ch, name, stats)
		if m, ok := source.(interface{ recorder() *recorder }); ok {
			c.desc.sendOperations(ch, name, m.recorder())
		}
	}
}

func statsOf(name string, source Source) (s shardmap.Stats, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("shardmapprom: Stats of map %q, a %T, panicked: %v", name, source, v)
		}
	}()
	return source.Stats(), nil
}

func isNil(m Source) bool {
	v := reflect.ValueOf(m)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}
