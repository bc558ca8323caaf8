package text

import (
	"strings"
	"testing"
)

func TestWrap(t *testing.T) {
	long := strings.Repeat("ä", 60)
	for text, want := range map[string]string{
		"":                             "",
		"  one\n two ":                 "one two",
		long + " " + long:              long + "\n" + long,
		strings.Repeat(long, 2) + " b": strings.Repeat(long, 2) + "\nb",
		strings.Repeat("a ", 56):       strings.TrimSpace(strings.Repeat("a ", 55)) + "\na",
	} {
		if got := Wrap(text); got != want {
			t.Errorf("Wrap(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := Thousands(n); got != want {
			t.Errorf("Thousands(%d) = %q, want %q", n, got, want)
		}
	}
}
