package lincheck

import "strconv"

// A code stands for what a map holds for a key: nothing, or one of its values. Histories and models are made of codes, so
// that they are the same for every type of value.
type code int32

const (
	garbage code = iota - 1 // what a map answered is no value that anybody stored
	absent                  // no value
	zero                    // the zero value of the type, which is a value like any other
	first                   // the first of the others
)

// Codes that no history stores under the keys it looks at.
const (
	poison    code = 254 // stored in clones
	unchecked code = 255 // stored under other keys
)

// unique is the first code for which a pointer is made each time that it is encoded. Nobody but the map has such a pointer,
// so that the garbage collector takes it if the map loses it; who wants to compare with it has to load it first.
const unique code = 256

// A codec makes values of codes from zero on, and codes of values.
type codec[V comparable] struct {
	name   string
	encode func(code) V
	decode func(V) code // garbage if no code makes such a value
}

// pointers are values that stand in the entry of a map and that the garbage collector knows. Codes below unique have one
// pointer each, so that a compare-and-swap can meet a value that was stored twice.
func pointers() codec[*code] {
	var table [unique]*code
	for c := first; c < unique; c++ {
		table[c] = new(c)
	}
	return codec[*code]{"pointer",
		func(c code) *code {
			if c < unique {
				return table[c]
			}
			return new(c)
		},
		func(p *code) code {
			if p == nil {
				return zero
			}
			return *p
		}}
}

// words are values that stand in the entry of a map as a number.
func words() codec[int] {
	return codec[int]{"word",
		func(c code) int { return int(c - zero) },
		func(n int) code {
			if c := code(n) + zero; c >= zero && int(c-zero) == n {
				return c
			}
			return garbage
		}}
}

// A parcel is a value that a map keeps in a box of its own. Its parts say whether it is still in one piece.
type parcel struct {
	label  string
	number int
	double int
}

func boxes() codec[parcel] {
	return codec[parcel]{"box",
		func(c code) parcel {
			n := int(c - zero)
			return parcel{label(n), n, 2 * n}
		},
		func(p parcel) code {
			if p != (parcel{label(p.number), p.number, 2 * p.number}) {
				return garbage
			}
			return code(p.number) + zero
		}}
}

// label returns a string for n that takes no memory: strconv has those of two digits at hand.
func label(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n % 100)
}

// keyKind makes keys of numbers, and numbers of keys.
type keyKind[K comparable] struct {
	key    func(number int) K
	number func(key K) int
}

func intKeys() keyKind[int] {
	same := func(n int) int { return n }
	return keyKind[int]{same, same}
}

func stringKeys() keyKind[string] {
	return keyKind[string]{strconv.Itoa, func(key string) int {
		n, err := strconv.Atoi(key)
		if err != nil {
			panic(err)
		}
		return n
	}}
}
