package workload

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// placed is an error that names the file and a line, in one line.
var placed = regexp.MustCompile(`^f\.json:([1-9]\d*): [^\n]+$`)

// FuzzParse demands of any text that it is either refused with its line, or is a workload that is written as a text which
// is read as the same workload. More seeds are in testdata/fuzz.
func FuzzParse(f *testing.F) {
	for _, w := range Builtin() {
		f.Add([]byte(w.String()))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		w, err := Parse("f.json", text)
		if err != nil {
			if !placed.MatchString(err.Error()) {
				t.Errorf("the error is not one line with a place: %q", err)
			}
			return
		}
		again, err := Parse("f.json", []byte(w.String()))
		if err != nil {
			t.Fatalf("%s\nwas written as\n%s\nwhich is refused: %v", text, w, err)
		}
		if !reflect.DeepEqual(w, again) {
			t.Errorf("%v became %v", w, again)
		}
		if len(w.Parts()) == 0 || w.Length() <= 0 || strings.TrimSpace(w.String()) == "" {
			t.Errorf("%v has no phase, or one without a length", w)
		}
	})
}
