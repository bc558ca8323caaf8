package shardmap_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// FuzzJSON decodes arbitrary bytes into maps and Go maps with different types of keys and values, and demands that the
// outcome is the same, the text of the error included; that an error leaves the map as it was; and that what was
// decoded is encoded like the Go map, and decodes to the same content again.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		"", "null", " null\n", "nul", "{}", "[]", `""`, "0", "{", `{"a"}`, `{"a":1}`, `{"a":1,"b":2,"c":3}`, `{"a":1,"a":2}`,
		`{"a":1} x`, `{"kept":9}`, `{"a":null}`, `{"a":1,"b":"two"}`, `{"a":1.5}`, `{"a":1e400}`, `{"a":-0}`, `{"a":[1,{"b":null}]}`,
		`{"a":{"b":{"c":[]}}}`, `{"a":{"A":1,"b":2,"X":3}}`, `{"a":true,"b":false}`, `{"1":1,"-7":2}`, `{"1":1,"01":2}`, `{"1":"one"}`,
		`{"9223372036854775807":1}`, `{"9223372036854775808":1}`, `{"2":3,"x":4}`, `{"":0}`, `{"\ud800":1,"\ufffd":2}`,
		"{\"\xff\":1,\"\xfe\":2}", `{"<&>\u2028":"<&>\u2028"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		decodeAll(t, data, map[string]any{"kept": 1.5, "a": nil})
		decodeAll(t, data, map[string]int{"kept": 1, "a": 0})
		decodeAll(t, data, map[string]*triple{"kept": {1, 2, 3}, "a": nil})
		decodeAll(t, data, map[int]string{1: "kept", 2: ""})
		decodeAll(t, data, map[any]int{})
	})
}

// decodeAll decodes data into each of the maps, with that content to begin with.
func decodeAll[K comparable, V any](t *testing.T, data []byte, content map[K]V) {
	for _, m := range []fuzzedMap[K, V]{new(shardmap.Map[K, V]), new(shardmap.AtomicMap[K, V]), new(shardmap.RWMap[K, V])} {
		for key, value := range content {
			m.Store(key, value)
		}
		want := maps.Clone(content)
		var decoded map[K]V
		wantErr := json.Unmarshal(data, &decoded)
		if wantErr == nil {
			maps.Copy(want, decoded)
		}
		if err := m.UnmarshalJSON(data); text(errors.Unwrap(err)) != text(wantErr) {
			t.Fatalf("%T: decoding %q: %v, want %v", m, data, err, wantErr)
		}
		requireSameContent(t, m, data, want)
		if err := json.Unmarshal(data, m); text(errors.Unwrap(err)) != text(wantErr) && text(err) != text(wantErr) {
			t.Fatalf("%T: json.Unmarshal of %q: %v, want %v", m, data, err, wantErr)
		}
		requireSameContent(t, m, data, want)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// requireSameContent compares m with what it should hold after data was decoded, as Go values and as JSON.
func requireSameContent[K comparable, V any](t *testing.T, m fuzzedMap[K, V], data []byte, want map[K]V) {
	t.Helper()
	got := maps.Collect(m.All())
	if !reflect.DeepEqual(got, want) || m.Len() != len(want) {
		t.Fatalf("%T: after decoding %q: %v, want %v", m, data, got, want)
	}
	encoders := []json.Marshaler{m}
	if sharded, ok := m.(*shardmap.Map[K, V]); ok {
		encoders = append(encoders, sharded.Snapshot())
	}
	wantJSON, wantErr := json.Marshal(want)
	for _, encoder := range encoders {
		gotJSON, err := encoder.MarshalJSON()
		if !bytes.Equal(gotJSON, wantJSON) || text(errors.Unwrap(err)) != text(wantErr) {
			t.Fatalf("%T: after decoding %q: encodes %s, %v, want %s, %v", encoder, data, gotJSON, err, wantJSON, wantErr)
		}
	}
	if wantErr != nil {
		return
	}
	again := new(shardmap.Map[K, V])
	if err := again.UnmarshalJSON(wantJSON); err != nil {
		t.Fatalf("%T: after decoding %q: %s does not decode: %v", m, data, wantJSON, err)
	}
	if got := again.Snapshot().ToMap(); !reflect.DeepEqual(got, want) {
		t.Fatalf("%T: after decoding %q and encoding it as %s: %v, want %v", m, data, wantJSON, got, want)
	}
}
