package shardmapprom

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/shardmap-go/shardmap"
)

// scrape fetches and parses what Prometheus would be given that asks for the format.
func scrape(t *testing.T, url string, format expfmt.Format) map[string]*dto.MetricFamily {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", string(format))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("status %s", response.Status)
	}
	families := make(map[string]*dto.MetricFamily)
	decoder := expfmt.NewDecoder(response.Body, expfmt.ResponseFormat(response.Header))
	for {
		var f dto.MetricFamily
		if err := decoder.Decode(&f); errors.Is(err, io.EOF) {
			return families
		} else if err != nil {
			t.Fatal(err)
		}
		families[f.GetName()] = &f
	}
}

func TestAScrapeOverHTTPShowsWhatWasDone(t *testing.T) {
	m := Instrument(new(shardmap.Map[int, *int]), WithSampling(1))
	_, registry := registered(t, m)
	for i := range 100 {
		m.Store(i, new(int))
	}
	m.Store(0, nil)
	for i := range 150 {
		m.Load(i)
	}
	for i := range 20 {
		m.Delete(i * 10)
	}
	_, _, _ = m.LoadOrCompute(-1, func() (*int, error) { return nil, io.ErrUnexpectedEOF })
	want := map[string]float64{
		`shardmap_entries{map="m"}`:                 90,
		operationSeries("store", "ok"):              101,
		operationSeries("load", "hit"):              100,
		operationSeries("load", "miss"):             50,
		operationSeries("delete", "hit"):            10,
		operationSeries("delete", "miss"):           10,
		zeroSeries("load"):                          1,
		durationSeries("store", "ok"):               101,
		durationSeries("load", "hit"):               100,
		durationSeries("load", "miss"):              50,
		durationSeries("delete", "hit"):             10,
		durationSeries("snapshot", "ok"):            0,
		operationSeries("range", "panic"):           0,
		`shardmap_rehashes_total{map="m"}`:          0,
		zeroSeries("load_or_compute"):               0,
		operationSeries("compute", "panic"):         0,
		operationSeries("snapshot", "ok"):           0,
		durationSeries("delete", "miss"):            10,
		operationSeries("swap", "miss"):             0,
		operationSeries("load_or_store", "x"):       0,
		operationSeries("load_or_compute", "error"): 1,
		`shardmap_memory_bytes{map="m"}`:            float64(m.Stats().Bytes),
		`shardmap_shards{map="m"}`:                  float64(m.Stats().Shards),
		`shardmap_fill_ratio{map="m"}`:              m.Stats().Fill,
	}
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))
	defer server.Close()
	for _, format := range []expfmt.FormatType{expfmt.TypeTextPlain, expfmt.TypeProtoDelim} {
		families := scrape(t, server.URL, expfmt.NewFormat(format))
		var list []*dto.MetricFamily
		for _, f := range families {
			list = append(list, f)
		}
		got := series(list)
		for name, value := range want {
			if got[name] != value {
				t.Errorf("format %v: %s is %v, want %v", format, name, got[name], value)
			}
		}
		checkHistograms(t, families[durationName], format == expfmt.TypeProtoDelim)
	}
}

// checkHistograms checks that every histogram has its classic buckets, and, in the format that can show them, native ones.
func checkHistograms(t *testing.T, family *dto.MetricFamily, native bool) {
	t.Helper()
	for _, metric := range family.GetMetric() {
		h := metric.Histogram
		if n := len(h.Bucket); n < len(defaultBuckets) || h.Bucket[0].GetUpperBound() != defaultBuckets[0] {
			t.Errorf("%v has %d classic buckets, want %d", metric.Label, n, len(defaultBuckets))
		}
		// The clocks of other systems stand still for longer than an operation takes.
		sum, still := h.GetSampleSum(), runtime.GOOS != "linux"
		if h.GetSampleCount() == 0 || sum < 0 || sum == 0 && !still || sum > 600 {
			t.Errorf("%v took %v seconds", metric.Label, sum)
		}
		if got := len(h.PositiveDelta) > 0 || h.GetZeroCount() > 0; got != native {
			t.Errorf("%v has native buckets: %v, want %v", metric.Label, got, native)
		}
	}
}

func TestWithoutBoundsThereAreOnlyNativeBuckets(t *testing.T) {
	m := Instrument(new(shardmap.Map[int, int]), WithSampling(1), WithBuckets())
	_, registry := registered(t, m)
	m.Load(1)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == durationName {
			if h := f.Metric[0].Histogram; len(h.Bucket) != 0 || len(h.PositiveDelta)+int(h.GetZeroCount()) != 1 {
				t.Errorf("histogram %v", h)
			}
			return
		}
	}
	t.Error("no histogram")
}
