package workload

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestAFileWithOneOperationIsCompleteAndTheRestHasDefaults(t *testing.T) {
	w, err := Parse("w.json", []byte(`{"operations": {"load": 1}}`))
	if err != nil {
		t.Fatal(err)
	}
	one := 1.0
	want := &Workload{
		Keys:       Keys{Type: "string", Length: 24, Number: 100_000, Filled: &one, Distribution: "uniform"},
		Values:     "pointer",
		Operations: Mix{Load: 1},
		Duration:   Duration(100 * time.Millisecond),
	}
	if !reflect.DeepEqual(w, want) {
		t.Errorf("got %v, want %v", w, want)
	}
}

func TestEverythingThatAFileSaysIsRead(t *testing.T) {
	w, err := Parse("w.json", []byte(`{
		"name": "n", "about": "a",
		"keys": {"type": "namespacedName", "length": 40, "number": 1000, "filled": 0.5, "distribution": "hotset", "hot": 0.2, "share": 0.7},
		"values": "triple",
		"operations": {"load": 1, "miss": 2, "store": 3, "loadOrStore": 4, "churn": 5, "insert": 6, "range": 7.5,
			"delete": 8, "loadAndDelete": 9, "swap": 10, "compareAndSwap": 11},
		"goroutines": 3, "procs": 2, "duration": "1.5s", "snapshot": {"every": "1ms"}, "range": {"every": "2ms"},
		"phases": [{"name": "p", "operations": {"load": 1}, "goroutines": 7, "duration": "1s", "rate": 5}, {"goroutines": 8}]}`))
	if err != nil {
		t.Fatal(err)
	}
	half := 0.5
	all := Mix{
		Load: 1, Miss: 2, Store: 3, LoadOrStore: 4, Churn: 5, Insert: 6, Range: 7.5,
		Delete: 8, LoadAndDelete: 9, Swap: 10, CompareAndSwap: 11,
	}
	want := &Workload{
		Name: "n", About: "a",
		Keys:       Keys{Type: "namespacedName", Length: 40, Number: 1000, Filled: &half, Distribution: "hotset", Hot: 0.2, Share: 0.7},
		Values:     "triple",
		Operations: all,
		Goroutines: 3, Procs: 2, Duration: Duration(1500 * time.Millisecond),
		Snapshot: Cadence{Duration(time.Millisecond)}, Range: Cadence{Duration(2 * time.Millisecond)},
		Phases: []Phase{
			{Name: "p", Operations: Mix{Load: 1}, Goroutines: 7, Duration: Duration(time.Second), Rate: 5},
			{Operations: all, Goroutines: 8, Duration: Duration(1500 * time.Millisecond)}, // the rest is the workload's
		},
	}
	if !reflect.DeepEqual(w, want) {
		t.Errorf("got %v, want %v", w, want)
	}
	if w.Filled() != 500 {
		t.Errorf("%d keys are filled, want 500", w.Filled())
	}
	if got := w.Length(); got != 2500*time.Millisecond {
		t.Errorf("a round takes %v, want 2.5s", got)
	}
	if w.Paced() || w.FullSpeed() {
		t.Error("it is all paced or all at full speed, although the phases differ")
	}
}

func TestAWorkloadWithoutPhasesIsItsOnlyOne(t *testing.T) {
	w, err := Parse("w.json", []byte(`{"operations": {"load": 1}, "goroutines": 3, "duration": "7ms", "rate": 9}`))
	want := []Phase{{Operations: Mix{Load: 1}, Goroutines: 3, Duration: Duration(7 * time.Millisecond), Rate: 9}}
	if err != nil || !reflect.DeepEqual(w.Parts(), want) || !w.Paced() || w.FullSpeed() {
		t.Errorf("%v, %v; want %v", w, err, want)
	}
}

func TestLifetimesAreExponentialUnlessTheySayOtherwise(t *testing.T) {
	w, err := Parse("w.json", []byte(`{"operations": {"load": 1}, "keys": {"lifetimes": {"time": "20ms"}}}`))
	want := Lifetimes{Distribution: "exponential", Time: Duration(20 * time.Millisecond)}
	if err != nil || w.Keys.Lifetimes != want {
		t.Errorf("%v, %v; want %v", w, err, want)
	}
}

func TestEveryOperationIsInEveryListOfThem(t *testing.T) {
	var m Mix
	fields := reflect.ValueOf(&m).Elem()
	for i := range fields.NumField() {
		fields.Field(i).SetFloat(float64(i + 1))
	}
	for i, op := range m.All() {
		key, _, _ := strings.Cut(fields.Type().Field(i).Tag.Get("json"), ",")
		if op != (Operation{key, float64(i + 1)}) || m.Weights()[key] != float64(i+1) || m.plus(m).All()[i].Weight != float64(2*i+2) {
			t.Errorf("the field %s is %v of All, %v of Weights, %v of plus", key, op, m.Weights()[key], m.plus(m).All()[i])
		}
	}
	if len(m.All()) != fields.NumField() {
		t.Errorf("All has %d of %d operations", len(m.All()), fields.NumField())
	}
}

// operations are the keys of a mix.
const operations = "load, miss, store, loadOrStore, churn, insert, increment, range, delete, loadAndDelete, swap, compareAndSwap"

func TestBadFilesAreRefusedWithTheLineAndOneSentence(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		// The file as a whole.
		{"", `1: the file is empty, want a JSON object`},
		{"[1]", `1: want a JSON object, which begins with {`},
		{"{\n\"values\": \"int\"", `2: the file ends before the object does`},
		{"{\n\"values\": int}", `2: not JSON: invalid character 'i' looking for beginning of value`},
		{"{\"operations\": {\"load\": 1}}\n{}", `2: there is something after the object's end`},
		// Keys of the file.
		{"{\n\n\"value\": 1}", `3: unknown key "value", want one of name, about, keys, values, operations, goroutines, procs, duration, rate, snapshot, range, phases`},
		{"{\"keys\": {\n\"size\": 1}}", `2: unknown key "size", want one of type, length, number, filled, distribution, skew, hot, share, lifetimes`},
		{"{\"operations\": {\n\"lod\": 1}}", `2: unknown key "lod", want one of ` + operations},
		{"{\"Keys\": {}}", `1: unknown key "Keys", want one of name, about, keys, values, operations, goroutines, procs, duration, rate, snapshot, range, phases`},
		{"{\"procs\": 1,\n\"procs\": 2}", `2: the key "procs" is there twice`},
		// Types of values.
		{"{\n\"keys\": 7}", `2: keys: want an object, which begins with {`},
		{"{\n\"procs\": [1]}", `2: procs: want a single value, not a list or an object`},
		{"{\n\"procs\": null}", `2: procs: want a value, not null`},
		{"{\n\"procs\": \"2\"}", `2: procs: want a whole number, not a string`},
		{"{\n\"procs\": 1.5}", `2: procs: want a whole number, not a number 1.5`},
		{"{\"keys\": {\n\"filled\": \"all\"}}", `2: keys.filled: want a number, not a string`},
		{"{\n\"values\": true}", `2: values: want a string, not a bool`},
		{"{\n\"duration\": 5}", `2: duration: want something like "500ms" or "2s", not a number`},
		{"{\"procs\": 1,\n\"duration\": \"5\"}", `2: duration: want something like "500ms" or "2s"`},
		// Values.
		{"{}", `1: there are no operations: give at least one a weight above 0`},
		{"{\n\"operations\": {}}", `2: there are no operations: give at least one a weight above 0`},
		{"{\"operations\": {\n\"load\": -1}}", `2: load is -1, want 0 to 1e9`},
		{"{\n\"keys\": {\n\"type\": \"float\"}}", `3: type is "float", want "int", "string" or "namespacedName"`},
		{"{\n\"keys\": {\n\"length\": 7}}", `3: length is 7, want 8 to 4096`},
		{"{\"keys\": {\"type\": \"namespacedName\",\n\"length\": 12}}", `2: length is 12, want 16 to 4096`},
		{"{\"keys\": {\n\"number\": 0}}", `2: number is 0, want 1 to 50000000`},
		{"{\"keys\": {\n\"filled\": 1.1}}", `2: filled is 1.1, want 0 to 1`},
		{"{\"keys\": {\n\"distribution\": \"\"}}", `2: distribution is "", want "uniform", "zipf", "hotset", "sequential" or "growing"`},
		{"{\"keys\": {\n\"skew\": 1}}", `2: skew is for the distribution zipf only`},
		{"{\"keys\": {\"distribution\": \"zipf\",\n\"skew\": 0}}", `2: skew is 0, want more than 0 and at most 10`},
		{"{\"keys\": {\n\"hot\": 1}}", `2: hot is for the distribution hotset only`},
		{"{\"keys\": {\n\"share\": 1}}", `2: share is for the distribution hotset only`},
		{"{\"keys\": {\"distribution\": \"hotset\",\n\"hot\": 2}}", `2: hot is 2, want more than 0 and at most 1`},
		{"{\"keys\": {\"distribution\": \"hotset\",\n\"share\": -1}}", `2: share is -1, want 0 to 1`},
		{"{\"operations\": {\"load\": 1},\n\"values\": \"float\"}", `2: values is "float", want "pointer", "int" or "triple"`},
		{"{\"operations\": {\"load\": 1},\n\"goroutines\": -1}", `2: goroutines is -1, want 0 (twice the processors) to 100000`},
		{"{\"operations\": {\"load\": 1},\n\"procs\": 5000}", `2: procs is 5000, want 0 (all) to 4096`},
		{"{\"operations\": {\"load\": 1},\n\"duration\": \"10us\"}", `2: duration is 10µs, want 1ms to 1h`},
		{"{\"operations\": {\"load\": 1},\n\"rate\": 0.5}", `2: rate is 0.5, want 0 (full speed), or 1 to 1e9 operations per second`},
		// Lists and what is in them.
		{"{\"operations\": {\"load\": 1},\n\"phases\": {}}", `2: phases: want a list, which begins with [`},
		{"{\"phases\": [\n7]}", `2: phases.0: want an object, which begins with {`},
		{"{\"phases\": [{\"operations\": {\"load\": 1}},\n{\"lod\": 1}]}", `2: unknown key "lod", want one of name, operations, goroutines, duration, rate`},
		{"{\"phases\": [{\"operations\": {\n\"lod\": 1}}]}", `2: unknown key "lod", want one of ` + operations},
		{"{\"phases\": [{\n\"rate\": 1,\n\"rate\": 2}]}", `3: the key "rate" is there twice`},
		{"{\"phases\": [{\"operations\": {\"load\": 1}},\n{\"duration\": \"5\"}]}", `2: phases.1.duration: want something like "500ms" or "2s"`},
		{"{\"phases\": [{\"operations\": {\"load\": 1}},\n{\"rate\": \"5\"}]}", `2: phases.rate: want a number, not a string`},
		{"{\"phases\": [{\"operations\": {\"load\": 1}},\n{\n\"name\": \"x\"}]}", `2: there are no operations: give at least one a weight above 0`},
		{"{\"phases\": [{\"operations\": {\"load\": 1}},\n{\"operations\": {\n\"store\": -1}}]}", `3: store is -1, want 0 to 1e9`},
		{"{\"phases\": [{\"operations\": {\"load\": 1},\n\"goroutines\": -1}]}", `2: goroutines is -1, want 0 (twice the processors) to 100000`},
		{"{\"operations\": {\"load\": 1}, \"phases\": [{\n\"duration\": \"0s\"}]}", `2: duration is 0s, want 1ms to 1h`},
		{"{\"operations\": {\"load\": 1}, \"phases\": [" + strings.Repeat("{},", 100) + "\n{}]}", `1: there are 101 phases, want at most 100`},
		{"{\"operations\": {\"load\": 1}, \"snapshot\": {\n\"every\": \"1us\"}}", `2: every is 1µs, want 0s (never), or 100µs to 1h`},
		{"{\"operations\": {\"load\": 1}, \"range\": {\n\"every\": \"-1s\"}}", `2: every is -1s, want 0s (never), or 100µs to 1h`},
		{"{\"operations\": {\"load\": 1}, \"keys\": {\n\"lifetimes\": {\"distribution\": \"fixed\"}}}", `2: lifetimes want a mean: either time or operations`},
		{"{\"operations\": {\"load\": 1}, \"keys\": {\n\"lifetimes\": {\"time\": \"1s\", \"operations\": 3}}}", `2: lifetimes want a mean: either time or operations`},
		{"{\"operations\": {\"load\": 1}, \"keys\": {\"lifetimes\": {\n\"time\": \"1s\",\n\"distribution\": \"normal\"}}}", `3: distribution is "normal", want "exponential", "fixed", "uniform" or "pareto"`},
		{"{\"operations\": {\"load\": 1}, \"keys\": {\"lifetimes\": {\n\"time\": \"1us\"}}}", `2: time is 1µs, want 100µs to 1h`},
		{"{\"operations\": {\"load\": 1}, \"keys\": {\"lifetimes\": {\n\"operations\": -1}}}", `2: operations is -1, want 1 to 1e12`},
		// Values that do not go together.
		{"{\"operations\": {\"load\": 1}, \"keys\": {\"lifetimes\": {\"time\": \"1s\"},\n\"filled\": 0.5}}", `2: keys with lifetimes are all there at the start: leave filled out`},
		{"{\"operations\": {\"load\": 1}, \"keys\": {\"filled\": 1, \"distribution\": \"growing\",\n\"lifetimes\": {\"time\": \"1s\"}}}", `2: lifetimes cannot be combined with the distribution growing`},
		{"{\"operations\": {\"churn\": 1}, \"keys\": {\n\"lifetimes\": {\"time\": \"1s\"}}}", `2: lifetimes cannot be combined with churn or increment`},
		{"{\"operations\": {\"load\": 1, \"insert\": 1}, \"keys\": {\n\"lifetimes\": {\"time\": \"1s\"}}}", `2: lifetimes cannot be combined with insert, whose keys live for ever`},
		{"{\"operations\": {\"load\": 1, \"insert\": 1}, \"keys\": {\n\"distribution\": \"growing\"}}", `2: growing inserts by itself, and cannot be combined with insert or increment`},
		{"{\"operations\": {\"load\": 1}, \"keys\": {\"distribution\": \"growing\",\n\"filled\": 1}}", `2: growing needs keys that are not there at the start: set filled below 1`},
		{"{\"operations\": {\"increment\": 1}, \"phases\": [{\n\"operations\": {\"swap\": 1}}, {}]}", `2: increment cannot be combined with operations that write keys which are there: the count could not be checked`},
		{"{\"operations\": {\"increment\": 1,\n\"store\": 1}}", `1: increment cannot be combined with operations that write keys which are there: the count could not be checked`},
		{"{\"operations\": {\"increment\": 1},\n\"values\": \"triple\"}", `2: increment needs values of int`},
		{"{\"operations\": {\"load\": 1},\n\"keys\": {\"number\": 3},\n\"goroutines\": 4}", `2: 3 keys are there at the start, want at least one for each goroutine`},
		{"{\"operations\": {\"load\": 1},\n\"keys\": {\n\"filled\": 0}}", `3: 0 keys are there at the start, want at least one for each goroutine`},
		{"{\"operations\": {\"insert\": 1, \"load\": 1}}", `1: insert needs keys that are not there at the start: set filled below 1`},
		{"{\"operations\": {\"insert\": 1},\n\"rate\": 10}", `2: rate cannot be combined with insert, which ends when the keys are used up`},
	} {
		w, err := Parse("w.json", []byte(c.text))
		if err == nil || err.Error() != "w.json:"+c.want {
			t.Errorf("%s\n got %v\nwant w.json:%s (%v)", c.text, err, c.want, w)
		}
	}
}

func TestBuiltinWorkloadsAreCompleteAndExplained(t *testing.T) {
	all := Builtin()
	if len(all) != 10 {
		t.Errorf("there are %d, want 10", len(all))
	}
	for _, w := range all {
		if w.Name == "" || w.About == "" {
			t.Errorf("%v has no name or no explanation", w)
		}
		opened, err := Open(w.Name)
		if err != nil || !reflect.DeepEqual(opened, w) {
			t.Errorf("Open(%q) = %v, %v; want %v", w.Name, opened, err, w)
		}
	}
}

func TestAWorkloadIsWrittenAsItIsRead(t *testing.T) {
	for _, w := range Builtin() {
		again, err := Parse(w.Name, []byte(w.String()))
		if err != nil || !reflect.DeepEqual(again, w) {
			t.Errorf("%v became %v, %v", w, again, err)
		}
	}
}

func TestAFileHasItsNameUnlessItSaysAnother(t *testing.T) {
	dir := t.TempDir()
	for content, want := range map[string]string{
		`{"operations": {"load": 1}}`:              "my",
		`{"name": "x", "operations": {"load": 1}}`: "x",
	} {
		file := filepath.Join(dir, "my.json")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if w, err := Open(file); err != nil || w.Name != want {
			t.Errorf("%s: %v, %v; want the name %s", content, w, err, want)
		}
	}
	for _, name := range []string{"", "mixd", filepath.Join(dir, "none.json")} {
		if w, err := Open(name); err == nil {
			t.Errorf("Open(%q) = %v", name, w)
		}
	}
}

func TestTheReferenceNamesEveryKeyAndItsExampleIsGood(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	readme := string(text)
	_, rest, _ := strings.Cut(readme, "```json\n")
	example, _, _ := strings.Cut(rest, "```")
	if _, err := Parse("README.md", []byte(example)); err != nil {
		t.Error(err)
	}
	for object, keys := range known.keys {
		for _, key := range keys {
			if _, nested := known.keys[strings.TrimPrefix(object+"."+key, ".")]; nested {
				continue // its keys are explained
			}
			if object != "" && !strings.HasSuffix(object, "operations") && object != "phases.#" {
				key = object + "." + key
			}
			if !strings.Contains(readme, "`"+key+"`") {
				t.Errorf("the README does not explain `%s`", key)
			}
		}
	}
}
