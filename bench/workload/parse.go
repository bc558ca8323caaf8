package workload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
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

// A schema says what may be where in the file, by path; the top is "", and # stands for any place in a list.
type schema struct {
	keys      map[string][]string // of each object
	lists     map[string]bool     // of objects
	durations map[string]bool
}

var known = func() schema {
	s := schema{keys: map[string][]string{}, lists: map[string]bool{}, durations: map[string]bool{}}
	s.add("", reflect.TypeFor[Workload]())
	return s
}()

// add takes the type of what is at path into the schema.
func (s schema) add(path string, t reflect.Type) {
	switch {
	case t == reflect.TypeFor[Duration]():
		s.durations[path] = true
	case t.Kind() == reflect.Slice:
		s.lists[path] = true
		s.add(path+".#", t.Elem())
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			key, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			s.keys[path] = append(s.keys[path], key)
			s.add(strings.TrimPrefix(path+"."+key, "."), t.Field(i).Type)
		}
	}
}

var place = regexp.MustCompile(`\.\d+`)

// general returns the path by which the schema knows what is at path.
func general(path string) string { return place.ReplaceAllString(path, ".#") }

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
	keys := known.keys[general(path)]
	for s.dec.More() {
		token, err := s.dec.Token()
		if err != nil {
			return s.broken(err)
		}
		key := token.(string) // the decoder lets nothing else pass
		if !slices.Contains(keys, key) {
			return fmt.Errorf("unknown key %q, want one of %s", key, strings.Join(keys, ", "))
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
	if _, ok := s.lines[path]; !ok {
		s.lines[path] = s.line() // in a list
	}
	where := general(path)
	_, wantObject := known.keys[where]
	switch {
	case wantObject && token == json.Delim('{'):
		return s.object(path)
	case wantObject:
		return fmt.Errorf("%s: want an object, which begins with {", path)
	case known.lists[where] && token == json.Delim('['):
		return s.list(path)
	case known.lists[where]:
		return fmt.Errorf("%s: want a list, which begins with [", path)
	case token == json.Delim('{') || token == json.Delim('['):
		return fmt.Errorf("%s: want a single value, not a list or an object", path)
	case token == nil:
		return fmt.Errorf("%s: want a value, not null", path)
	}
	if text, ok := token.(string); ok && known.durations[where] {
		if _, err := time.ParseDuration(text); err != nil {
			return fmt.Errorf("%s: want %s", path, durations)
		}
	}
	return nil
}

// list reads the rest of a list. Each value has its place as its key.
func (s *scanner) list(path string) error {
	for i := 0; s.dec.More(); i++ {
		if err := s.value(path + "." + strconv.Itoa(i)); err != nil {
			return err
		}
	}
	_, err := s.dec.Token()
	return s.broken(err)
}

const durations = `something like "500ms" or "2s"`

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
	return s.line(), s.broken(err) // what the first reading lets through, the second one does too
}

func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Int64: // Duration
		return durations
	}
	return "a string"
}
