package workload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Parsing goes over the file twice: first token by token, to refuse keys that nobody knows and to remember the line
// of each, then with encoding/json. So whatever is wrong with a value can be told with its line.

// Parse reads a workload. The file's name is for errors, which are of one line: "file.json:7: what is wrong".
func Parse(file string, text []byte) (*Workload, error) {
	s := &scanner{text: text, lines: map[string]int{}}
	if err := s.scan(); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", file, s.line(), err)
	}
	w := new(Workload)
	if err := json.Unmarshal(text, w); err != nil {
		line, err := s.explain(err)
		return nil, fmt.Errorf("%s:%d: %w", file, line, err)
	}
	w.complete(s.lines)
	if f := w.check(); f != nil {
		return nil, fmt.Errorf("%s:%d: %s", file, s.lineOf(f.path), f.sentence)
	}
	return w, nil
}

// schema has the keys of each object of the file, by its path; the top is "".
var schema = map[string][]string{
	"":           keysOf[Workload](),
	"keys":       keysOf[Keys](),
	"operations": keysOf[Mix](),
}

func keysOf[T any]() (keys []string) {
	for i := range reflect.TypeFor[T]().NumField() {
		keys = append(keys, reflect.TypeFor[T]().Field(i).Tag.Get("json"))
	}
	return keys
}

// A scanner goes over the tokens of a file.
type scanner struct {
	text  []byte
	dec   *json.Decoder
	lines map[string]int // path of a key → its line
}

func (s *scanner) line() int { return s.lineAt(s.dec.InputOffset()) }

func (s *scanner) lineAt(offset int64) int {
	return 1 + bytes.Count(s.text[:min(offset, int64(len(s.text)))], []byte("\n"))
}

// lineOf returns the line of the key at path, or of the nearest one around it that is in the file.
func (s *scanner) lineOf(path string) int {
	for {
		if line, ok := s.lines[path]; ok {
			return line
		}
		if path == "" {
			return 1
		}
		path = path[:max(strings.LastIndexByte(path, '.'), 0)]
	}
}

// scan reads the whole file. If it returns an error, that is about the line that the decoder has come to.
func (s *scanner) scan() error {
	s.dec = json.NewDecoder(bytes.NewReader(s.text))
	token, err := s.dec.Token()
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("the file is empty, want a JSON object")
	case err != nil:
		return s.broken(err)
	case token != json.Delim('{'):
		return errors.New("want a JSON object, which begins with {")
	}
	if err := s.object(""); err != nil {
		return err
	}
	if _, err := s.dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something after the object's end")
	}
	return nil
}

// object reads the rest of an object.
func (s *scanner) object(path string) error {
	known := schema[path]
	for s.dec.More() {
		token, err := s.dec.Token()
		if err != nil {
			return s.broken(err)
		}
		key := token.(string) // the decoder lets nothing else pass
		if !slices.Contains(known, key) {
			return fmt.Errorf("unknown key %q, want one of %s", key, strings.Join(known, ", "))
		}
		at := strings.TrimPrefix(path+"."+key, ".")
		if _, twice := s.lines[at]; twice {
			return fmt.Errorf("the key %q is there twice", key)
		}
		s.lines[at] = s.line()
		if err := s.value(at); err != nil {
			return err
		}
	}
	_, err := s.dec.Token()
	return s.broken(err)
}

// value reads the value of the key at path.
func (s *scanner) value(path string) error {
	token, err := s.dec.Token()
	if err != nil {
		return s.broken(err)
	}
	_, wantObject := schema[path]
	switch {
	case token == json.Delim('{') && wantObject:
		return s.object(path)
	case wantObject:
		return fmt.Errorf("%s: want an object, which begins with {", path)
	case token == json.Delim('{') || token == json.Delim('['):
		return fmt.Errorf("%s: want a single value, not a list or an object", path)
	case token == nil:
		return fmt.Errorf("%s: want a value, not null", path)
	}
	return nil
}

// broken says in a sentence what is wrong with the JSON.
func (s *scanner) broken(err error) error {
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the file ends before the object does")
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON: %s", err)
	}
	return err
}

// explain says in a sentence which value has the wrong type, and the line it is in.
func (s *scanner) explain(err error) (int, error) {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return s.lineAt(wrong.Offset), fmt.Errorf("%s: want %s, not a %s", wrong.Field, wanted(wrong.Type), wrong.Value)
	}
	// What is left is the one value with a notation of its own.
	return s.lineOf("duration"), errors.New(`duration: want something like "500ms" or "2s"`)
}

func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Int64: // Duration
		return `something like "500ms" or "2s"`
	}
	return "a string"
}

// Weights returns the operations that have a weight, with it.
func (m Mix) Weights() map[string]float64 {
	weights := map[string]float64{
		"load": m.Load, "miss": m.Miss, "store": m.Store, "loadOrStore": m.LoadOrStore,
		"churn": m.Churn, "insert": m.Insert, "increment": m.Increment, "range": m.Range,
	}
	maps.DeleteFunc(weights, func(_ string, weight float64) bool { return weight == 0 })
	return weights
}
