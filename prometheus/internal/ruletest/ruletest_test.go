package ruletest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"text/template"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"github.com/shardmap-go/shardmap"
	shardmapprom "github.com/shardmap-go/shardmap/prometheus"
)

// exported returns the labels of all series that the collector exports, with the name of the metric among them. A
// histogram has four: its buckets, count and sum, and, if native buckets are stored, one with its own name.
func exported(t *testing.T) (series []map[string]string) {
	t.Helper()
	registry, maps := prometheus.NewPedanticRegistry(), shardmapprom.NewCollector(nil)
	registry.MustRegister(maps)
	m := shardmapprom.Instrument(new(shardmap.Map[string, int]), shardmapprom.WithSampling(1))
	if err := maps.Register("m", m); err != nil {
		t.Fatal(err)
	}
	m.Load("key")
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		names := []string{family.GetName()}
		if family.GetType() == dto.MetricType_HISTOGRAM {
			names = append(names, names[0]+"_bucket", names[0]+"_count", names[0]+"_sum")
		}
		for _, metric := range family.Metric {
			for _, name := range names {
				s := map[string]string{model.MetricNameLabel: name}
				if strings.HasSuffix(name, "_bucket") {
					s["le"] = "1"
				}
				for _, pair := range metric.Label {
					s[pair.GetName()] = pair.GetValue()
				}
				series = append(series, s)
			}
		}
	}
	return series
}

// check parses an expression, and returns what is wrong with it: it must be PromQL, and whatever it selects or groups by
// must be exported, each value of an alternative in a pattern by itself. "m" is the only map that there is.
func check(expr string, series []map[string]string) error {
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	selectors := 0
	parser.Inspect(tree, func(node parser.Node, _ []parser.Node) error {
		if s, ok := node.(*parser.VectorSelector); ok && err == nil {
			selectors++
			err = checkSelector(s, series, known)
		}
		return nil
	})
	parser.Inspect(tree, func(node parser.Node, _ []parser.Node) error {
		if a, ok := node.(*parser.AggregateExpr); ok && err == nil {
			for _, label := range a.Grouping {
				if !known[label] {
					err = fmt.Errorf("groups by %s, which nothing that is selected has", label)
				}
			}
		}
		return nil
	})
	if err == nil && selectors == 0 {
		err = fmt.Errorf("selects nothing")
	}
	return err
}

func checkSelector(s *parser.VectorSelector, series []map[string]string, known map[string]bool) error {
	for _, matcher := range s.LabelMatchers {
		for _, value := range strings.Split(matcher.Value, "|") {
			one, err := labels.NewMatcher(matcher.Type, matcher.Name, value)
			if err != nil {
				return err
			}
			if !selectsAny(s.Name, one, series, known) {
				return fmt.Errorf("no series %s has %s", s.Name, one)
			}
		}
	}
	return nil
}

// selectsAny reports whether there is a series of this name that has the matcher's label, and a value that it accepts. It
// adds the labels of the series to those that are known.
func selectsAny(name string, matcher *labels.Matcher, series []map[string]string, known map[string]bool) (found bool) {
	for _, s := range series {
		value, ok := s[matcher.Name]
		if s[model.MetricNameLabel] == name && ok && matcher.Matches(value) {
			found = true
			for label := range s {
				known[label] = true
			}
		}
	}
	return found
}

func TestTheCheckFindsWhatIsWrong(t *testing.T) {
	series := exported(t)
	for _, expr := range []string{
		`shardmap_entries`,
		`sum by (map, operation) (rate(shardmap_operations_total{result=~"hit|ok"}[5m]))`,
		`histogram_quantile(0.9, sum by (le) (rate(shardmap_operation_duration_seconds_bucket[5m])))`,
	} {
		if err := check(expr, series); err != nil {
			t.Errorf("%s: %v", expr, err)
		}
	}
	for _, expr := range []string{
		`shardmap_entry`, `shardmap_entries{name="m"}`, `shardmap_operations_total{operation=~"load|fetch"}`, `1 +`, `vector(1)`,
		`sum by (operation) (shardmap_entries)`, `shardmap_entries_bucket`, `rate(shardmap_entries)`,
	} {
		if check(expr, series) == nil {
			t.Errorf("%s: nothing was found wrong", expr)
		}
	}
}

func TestEveryAlertIsARuleOverMetricsThatAreExported(t *testing.T) {
	data, err := os.ReadFile("../../alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr         string
				For                 model.Duration
				Labels, Annotations map[string]string
			}
		}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	series, names := exported(t), map[string]bool{}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			if err := check(rule.Expr, series); err != nil {
				t.Errorf("%s: %v", rule.Alert, err)
			}
			if names[rule.Alert] || rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
				t.Errorf("%s: it is there twice, or lacks a severity, summary or description", rule.Alert)
			}
			names[rule.Alert] = true
			for name, text := range rule.Annotations {
				if err := execute(text); err != nil {
					t.Errorf("%s, %s: %v", rule.Alert, name, err)
				}
			}
		}
	}
	if len(names) == 0 {
		t.Error("there are no alerts")
	}
}

// execute expands an annotation as Prometheus does, with the labels that a series may have.
func execute(text string) error {
	format := func(v float64) string { return fmt.Sprint(v) }
	tmpl, err := template.New("").Option("missingkey=error").Funcs(template.FuncMap{
		"humanize": format, "humanize1024": format, "humanizePercentage": format,
	}).Parse("{{$labels := .Labels}}{{$value := .Value}}" + text)
	if err != nil {
		return err
	}
	return tmpl.Execute(io.Discard, map[string]any{"Value": 1.5, "Labels": map[string]string{"map": "m", "operation": "load"}})
}

func TestEveryPanelOfTheDashboardShowsMetricsThatAreExported(t *testing.T) {
	data, err := os.ReadFile("../../dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	type position struct{ X, Y, W, H int }
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos position
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(data, &dashboard); err != nil {
		t.Fatal(err)
	}
	series, shown := exported(t), map[string]bool{}
	ids, places := map[int]bool{}, map[position]bool{}
	variables := strings.NewReplacer("$map", "m", "$__rate_interval", "5m")
	for _, panel := range dashboard.Panels {
		if ids[panel.ID] || places[panel.GridPos] || len(panel.Targets) == 0 {
			t.Errorf("%s: its id or place is taken, or it shows nothing", panel.Title)
		}
		ids[panel.ID], places[panel.GridPos] = true, true
		for _, target := range panel.Targets {
			if err := check(variables.Replace(target.Expr), series); err != nil {
				t.Errorf("%s: %s: %v", panel.Title, target.Expr, err)
			}
			for _, s := range series {
				if name := s[model.MetricNameLabel]; strings.Contains(target.Expr, name+"{") {
					shown[strings.TrimSuffix(name, "_bucket")] = true
				}
			}
		}
	}
	for _, s := range series {
		name := s[model.MetricNameLabel]
		if !strings.HasSuffix(name, "_bucket") && !strings.HasSuffix(name, "_count") && !strings.HasSuffix(name, "_sum") && !shown[name] {
			t.Errorf("no panel shows %s", name)
		}
	}
}
