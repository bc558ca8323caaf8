// Package text has what the tables of mapbench have in common.
package text

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Wrap breaks text into lines of at most 110 letters.
func Wrap(text string) string {
	const width = 110
	var lines strings.Builder
	used := 0
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case used == 0:
		case used+1+n > width:
			lines.WriteString("\n")
			used = 0
		default:
			lines.WriteString(" ")
			used++
		}
		lines.WriteString(word)
		used += n
	}
	return lines.String()
}

// Thousands writes n, which is not negative, as 1,234,567.
func Thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
