package shardmap

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// MarshalJSON returns the content of the map at one instant as encoding/json encodes a Go map: K must be a string, an
// integer, or implement [encoding.TextMarshaler].
func (m *Map[K, V]) MarshalJSON() ([]byte, error) { return marshalMap(m.Snapshot().ToMap()) }

// UnmarshalJSON stores the members of a JSON object, as encoding/json does for a Go map: entries that are there and
// not in the object stay. If data is not such an object, nothing is stored. A JSON null has no effect.
func (m *Map[K, V]) UnmarshalJSON(data []byte) error {
	decoded, err := unmarshalMap[K, V](data)
	for key, value := range decoded {
		m.Store(key, value)
	}
	return err
}

// String returns the content of the map at one instant, in the manner of fmt for a Go map.
func (m *Map[K, V]) String() string { return formatMap("Map", m.Snapshot().ToMap()) }

// GoString returns the content of the map at one instant, in Go syntax as far as that goes.
func (m *Map[K, V]) GoString() string { return goFormatMap("Map", m.Snapshot().ToMap()) }

// MarshalJSON returns the snapshot as encoding/json encodes a Go map; see [Map.MarshalJSON].
func (s *Snapshot[K, V]) MarshalJSON() ([]byte, error) { return marshalMap(s.ToMap()) }

// String returns the snapshot in the manner of fmt for a Go map.
func (s *Snapshot[K, V]) String() string { return formatMap("Snapshot", s.ToMap()) }

// GoString returns the snapshot in Go syntax as far as that goes.
func (s *Snapshot[K, V]) GoString() string { return goFormatMap("Snapshot", s.ToMap()) }

func marshalMap[K comparable, V any](m map[K]V) ([]byte, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("shardmap: encoding: %w", err)
	}
	return data, nil
}

// unmarshalMap returns a nil map and no error for null, and a nil map with every error.
func unmarshalMap[K comparable, V any](data []byte) (map[K]V, error) {
	var m map[K]V
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("shardmap: decoding: %w", err)
	}
	return m, nil
}

func formatMap[K comparable, V any](name string, m map[K]V) string {
	return "shardmap." + name + strings.TrimPrefix(fmt.Sprint(m), "map")
}

func goFormatMap[K comparable, V any](name string, m map[K]V) string {
	t := reflect.TypeFor[map[K]V]()
	return fmt.Sprintf("shardmap.%s[%v,%v]%s", name, t.Key(), t.Elem(), strings.TrimPrefix(fmt.Sprintf("%#v", m), t.String()))
}
