package versioned

import (
	"cmp"
	"strings"
)

// CompareDecimal orders decimal numerals of any length by their value, which is how Kubernetes orders
// resourceVersions: it returns -1 if a is the smaller one, 0 if they are equal, and 1 if a is the greater one. What
// is not a numeral – the empty string, anything but digits, leading zeros – comes before all numerals, and is ordered
// as text: a malformed version never replaces a well-formed one. It allocates nothing.
func CompareDecimal(a, b string) int {
	if isNumeral(a) && isNumeral(b) {
		// Without leading zeros the longer one is greater, and of equal length they are ordered like their digits.
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	}
	if isNumeral(a) != isNumeral(b) {
		if isNumeral(a) {
			return 1
		}
		return -1
	}
	return strings.Compare(a, b)
}

func isNumeral(s string) bool {
	if s == "" || s[0] == '0' && s != "0" {
		return false
	}
	for _, digit := range []byte(s) {
		if digit < '0' || digit > '9' {
			return false
		}
	}
	return true
}
