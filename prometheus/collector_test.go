package shardmapprom

import (
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/shardmap-go/shardmap"
)

type sourceFunc func() shardmap.Stats

func (f sourceFunc) Stats() shardmap.Stats { return f() }

// The numbers are all different, so that no two figures can be mixed up.
func TestEachFigureIsExportedUnderItsNameWithTheConstantLabels(t *testing.T) {
	c := NewCollector(prometheus.Labels{"app": "x"})
	if err := c.Register("m", sourceFunc(func() shardmap.Stats {
		return shardmap.Stats{Entries: 1, Shards: 2, Fill: 0.3, Skew: 4.5, Splits: 5, Copies: 6, Rehashes: 7, Bytes: 8}
	})); err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, line := range []string{
		"shardmap_copies_total 6", "shardmap_entries 1", "shardmap_fill_ratio 0.3", "shardmap_memory_bytes 8",
		"shardmap_rehashes_total 7", "shardmap_shards 2", "shardmap_skew_ratio 4.5", "shardmap_splits_total 5",
	} {
		name, value, _ := strings.Cut(line, " ")
		for _, f := range figures {
			if f.name == name {
				kind := map[prometheus.ValueType]string{prometheus.GaugeValue: "gauge", prometheus.CounterValue: "counter"}[f.kind]
				want.WriteString("# HELP " + name + " " + f.help + "\n# TYPE " + name + " " + kind + "\n")
			}
		}
		want.WriteString(name + `{app="x",map="m"} ` + value + "\n")
	}
	if err := testutil.CollectAndCompare(c, strings.NewReader(want.String())); err != nil {
		t.Error(err)
	}
}

func TestMapsOfDifferentTypesAreShownUntilTheyAreUnregistered(t *testing.T) {
	var a shardmap.Map[string, int]
	var b shardmap.Map[int, []string]
	a.Store("x", 1)
	c, registry := registered(t, &a)
	if err := c.Register("b", &b); err != nil {
		t.Fatal(err)
	}
	got := gathered(t, registry)
	if got[`shardmap_entries{map="m"}`] != 1 || got[`shardmap_entries{map="b"}`] != 0 || len(got) != 2*len(figures) {
		t.Errorf("shown: %v", got)
	}
	if !c.Unregister("m") || c.Unregister("m") {
		t.Error("Unregister does not tell whether there was a map")
	}
	if got = gathered(t, registry); len(got) != len(figures) {
		t.Errorf("shown after one was unregistered: %v", got)
	}
	if err := c.Register("m", &b); err != nil {
		t.Errorf("a name that is free again is refused: %v", err)
	}
}

func TestRegisterRefusesWhatItCannotShowAndChangesNothing(t *testing.T) {
	c, registry := registered(t, new(shardmap.Map[string, int]))
	before := len(gathered(t, registry))
	for want, m := range map[string]struct {
		name   string
		source Source
	}{
		`shardmapprom: Register "m": a *shardmap.Map[string,int] has this name already`: {"m", new(shardmap.Map[int, int])},
		`shardmapprom: Register "": a map needs a name`:                                 {"", new(shardmap.Map[int, int])},
		`shardmapprom: Register "\xff": the name is not UTF-8`:                          {"\xff", new(shardmap.Map[int, int])},
		`shardmapprom: Register "x": <nil>(nil) has no figures`:                         {"x", nil},
		`shardmapprom: Register "y": *shardmap.Map[int,int](nil) has no figures`:        {"y", (*shardmap.Map[int, int])(nil)},
		`shardmapprom: Register "z": *shardmapprom.Map[int,int](nil) has no figures`:    {"z", (*Map[int, int])(nil)},
	} {
		if err := c.Register(m.name, m.source); err == nil || err.Error() != want {
			t.Errorf("error %q, want %q", err, want)
		}
	}
	if after := len(gathered(t, registry)); after != before {
		t.Errorf("%d series, want %d", after, before)
	}
}

func TestNewCollectorRefusesLabelsThatWouldSpoilEveryScrape(t *testing.T) {
	for want, labels := range map[string]prometheus.Labels{
		`shardmapprom: NewCollector label "map": the metrics have a label of this name`: {"map": "x"},
		`shardmapprom: NewCollector label "__x": not a name for a label`:                {"__x": "x"},
		`shardmapprom: NewCollector label "": not a name for a label`:                   {"": "x"},
		`shardmapprom: NewCollector label "a": value "\xff" is not UTF-8`:               {"a": "\xff"},
	} {
		if got := interrupted(func() { NewCollector(labels) }); got != want {
			t.Errorf("panic %v, want %s", got, want)
		}
	}
}

func TestCollectorsWithDifferentConstantLabelsShareARegistry(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	for _, app := range []string{"x", "y"} {
		c := NewCollector(prometheus.Labels{"app": app})
		registry.MustRegister(c)
		if err := c.Register("m", Instrument(new(shardmap.Map[int, int]), WithSampling(1))); err != nil {
			t.Fatal(err)
		}
	}
	got := gathered(t, registry)
	for _, app := range []string{"x", "y"} {
		if _, ok := got[`shardmap_operations_total{app="`+app+`",map="m",operation="load",result="hit"}`]; !ok {
			t.Errorf("%s is not there", app)
		}
	}
}

// A map is held by its registration, a wrapped one by that of its wrapper, and by nothing after it.
func TestAMapIsCollectedOnceItIsUnregistered(t *testing.T) {
	c, registry := registered(t, new(shardmap.Map[int, int]))
	var bare weak.Pointer[shardmap.Map[int, int]]
	func() {
		m := new(shardmap.Map[int, int])
		bare = weak.Make(m)
		i := Instrument(m, WithSampling(1))
		i.Load(1)
		if err := c.Register("dropped", i); err != nil {
			t.Fatal(err)
		}
	}()
	gathered(t, registry)
	runtime.GC()
	if bare.Value() == nil {
		t.Fatal("a registered map was collected")
	}
	c.Unregister("dropped")
	for range 100 {
		if runtime.GC(); bare.Value() == nil {
			return
		}
		time.Sleep(time.Millisecond) // a scrape's goroutines end in their own time
	}
	t.Error("the map is still alive")
}

func TestAStatsMethodThatPanicsFailsTheScrapeAndNamesTheMap(t *testing.T) {
	c, registry := registered(t, sourceFunc(func() shardmap.Stats { panic("oops") }))
	if err := c.Register("good", new(shardmap.Map[int, int])); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	want := `shardmapprom: Stats of map "m", a shardmapprom.sourceFunc, panicked: oops`
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
	if _, ok := series(families)[`shardmap_entries{map="good"}`]; !ok {
		t.Error("the other map is not shown")
	}
	c.Unregister("m")
	gathered(t, registry)
}

func TestAStatsMethodMayUseTheCollector(t *testing.T) {
	var c *Collector
	var registry *prometheus.Registry
	c, registry = registered(t, sourceFunc(func() shardmap.Stats {
		_ = c.Register("n", new(shardmap.Map[int, int]))
		c.Unregister("n")
		return shardmap.Stats{}
	}))
	gathered(t, registry)
}

func TestNamesUnitsAndHelpPassPromlint(t *testing.T) {
	_, registry := registered(t, exercised())
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, error %v", problems, err)
	}
}

// exercised returns a map with a measured operation.
func exercised() *Map[string, *int] {
	m := Instrument(new(shardmap.Map[string, *int]), WithSampling(1))
	m.Store("nil", nil)
	m.Load("nil")
	return m
}

// With one stripe and one goroutine, sampling is exact: when an outcome has occurred n times, the next operation is measured.
func TestOneInNOperationsIsMeasured(t *testing.T) {
	for n, power := range map[int]int{1: 1, 2: 2, 3: 4, 64: 64, 100: 128} {
		m := Instrument(new(shardmap.Map[int, int]), WithSampling(n))
		m.ops.stripes, m.ops.spread = m.ops.stripes[:1], 0
		_, registry := registered(t, m)
		const times = 1000
		for range times {
			m.Load(1)
		}
		want := (times - 1) / power
		if power == 1 {
			want = times
		}
		if got := gathered(t, registry)[durationSeries("load", "miss")]; got != float64(want) {
			t.Errorf("1 in %d: %v of %d were measured, want %d", n, got, times, want)
		}
	}
}

// Goroutines must spread, or else they fight over one line.
func TestGoroutinesSpreadOverTheStripes(t *testing.T) {
	m := Instrument(new(shardmap.Map[int, int]))
	together(200, func(int) { m.Load(1) })
	used, total := 0, uint64(0)
	for i := range m.ops.stripes {
		n := m.ops.stripes[i].cells[cellOf(load, miss)].Load()
		if total += n; n > 0 {
			used++
		}
	}
	if total != 200 || used < min(len(m.ops.stripes), 16)/2 {
		t.Errorf("%d operations in %d of %d stripes", total, used, len(m.ops.stripes))
	}
}
