package shardmap

import (
	"encoding/binary"
	"math"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"unsafe"
)

// FuzzHash demands of keys of types that it makes from its input, and of types that are written down here, that
//
//   - keys that are equal have the same hash, though their strings and dynamic values are in different places, their
//     zeros have different signs, and their padding and blank fields hold different garbage;
//   - every part of a key counts: the hash changes if that part does, unless it is only the type of a dynamic value.
//
// Hashes may collide by chance. So the second property is violated only if a change leaves the hash as it was under
// each of several seeds.
func FuzzHash(f *testing.F) {
	for i := range len(staticKeyTypes) {
		seed := []byte{byte(i)}
		for j := range 100 {
			seed = append(seed, byte(i*j+j*j/7))
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := &hashInput{data}
		staticKeyTypes[in.pick(len(staticKeyTypes))](t, in)
		generatedKeys(t, in)
	})
}

// staticKeyTypes checks one type each. Together they go through all ways to choose a hash function.
var staticKeyTypes = []func(*testing.T, *hashInput){
	staticKeys[string], staticKeys[namedString], staticKeys[bool], staticKeys[int8], staticKeys[uint16], staticKeys[int32],
	staticKeys[uint64], staticKeys[uintptr], staticKeys[*int], staticKeys[chan int], staticKeys[float32], staticKeys[float64],
	staticKeys[complex64], staticKeys[complex128], staticKeys[any], staticKeys[interface{ Named() }], staticKeys[struct{}],
	staticKeys[[0]string], staticKeys[[1]string], staticKeys[[2]string], staticKeys[[3]float64], staticKeys[[17]uint8],
	staticKeys[[2]any], staticKeys[nested], staticKeys[withInterface],
	staticKeys[struct{ Namespace, Name string }], staticKeys[struct{ A, B namedString }],
	staticKeys[struct{ A, _ string }], staticKeys[struct{ _, B string }], staticKeys[struct{ _, _ string }],
	staticKeys[struct {
		A string
		B int8
		C string
		_ [3]uint16
	}],
	staticKeys[struct {
		A bool
		B complex128
		C struct {
			D uint8
			_ any
			E uint64
		}
	}],
	staticKeys[struct {
		A [3]struct {
			B uint8
			C uint32
		}
		D struct{}
		E *int
	}],
	staticKeys[struct {
		A uint8
		_ any
		B any
		C [20]uint16
	}],
}

// Named is there to make an interface with a method.
func (namedString) Named() {}

// staticKeys checks the hash functions that a Map may use for keys of type K.
func staticKeys[K comparable](t *testing.T, in *hashInput) {
	parts := partsOf(nil, reflect.TypeFor[K](), 0, false)
	content := in.content(parts)
	a, b := new(K), new(K)
	garbage(unsafe.Pointer(a), unsafe.Sizeof(*a), parts, 0x5a)
	garbage(unsafe.Pointer(b), unsafe.Sizeof(*b), parts, 0xc3)
	for i, p := range parts {
		p.set(unsafe.Pointer(a), content[i], false)
		p.set(unsafe.Pointer(b), content[i], true)
	}
	equalHashes(t, *a, *b)
	for i, p := range parts {
		c := new(K)
		*c = *a
		p.set(unsafe.Pointer(c), p.changed(content[i], in), false)
		if *c != *a {
			requireDifferent(t, reflect.TypeFor[K](), p, func(uint64) bool {
				hs := newHashing[K](nil)
				return hs.of(*a) == hs.of(*c)
			})
		}
	}
}

// A keyMemory has room for a key of a type that was made up. The collector sees no pointers in it: what such a key
// refers to has to be kept alive by other means.
type keyMemory [64]uint64

// generatedKeys checks the hash function for structs, for a type made up from the input.
func generatedKeys(t *testing.T, in *hashInput) {
	kt := in.knownType()
	if kt == nil || kt.Size() > unsafe.Sizeof(keyMemory{}) {
		return
	}
	parts := partsOf(nil, kt, 0, false)
	hash := newStructHash[keyMemory](kt, mix1)
	if n := countFields(parts); (hash != nil) != (n <= maxHashFields) {
		t.Fatalf("%v has %d parts: hashed one after another: %v", kt, n, hash != nil)
	}
	if hash == nil {
		return
	}
	content := in.content(parts)
	a, b := new(keyMemory), new(keyMemory)
	garbage(unsafe.Pointer(a), unsafe.Sizeof(*a), nil, 0x5a)
	garbage(unsafe.Pointer(b), unsafe.Sizeof(*b), nil, 0xc3)
	var kept []any
	for i, p := range parts {
		if !p.blank {
			kept = append(kept, p.set(unsafe.Pointer(a), content[i], false), p.set(unsafe.Pointer(b), content[i], true))
		}
	}
	if x, y := hash(*a), hash(*b); x != y {
		t.Fatalf("%v: the hashes of two equal keys are %#x and %#x; content %v", kt, x, y, content)
	}
	for i, p := range parts {
		c, other := *a, p.changed(content[i], in)
		if !p.blank {
			kept = append(kept, p.set(unsafe.Pointer(&c), other, false))
		}
		if p.blank || p.of(unsafe.Pointer(&c)).Equal(p.of(unsafe.Pointer(a))) {
			continue
		}
		requireDifferent(t, kt, p, func(seed uint64) bool {
			hash := newStructHash[keyMemory](kt, seed)
			return hash(*a) == hash(c)
		})
	}
	runtime.KeepAlive(kept)
}

// requireDifferent demands that two keys that differ in p do not collide under each of three seeds.
func requireDifferent(t *testing.T, kt reflect.Type, p keyPart, collide func(seed uint64) bool) {
	t.Helper()
	if collide(0) && collide(mix1) && collide(mix2) {
		t.Fatalf("%v: the %v at %d does not count", kt, p.t, p.offset)
	}
}

// A keyPart is a part of a key that is neither a struct nor an array.
type keyPart struct {
	t      reflect.Type
	offset uintptr
	blank  bool // it is, or is in, a blank field
}

func partsOf(parts []keyPart, t reflect.Type, offset uintptr, blank bool) []keyPart {
	switch {
	case t.Size() == 0:
	case t.Kind() == reflect.Array:
		for i := range t.Len() {
			parts = partsOf(parts, t.Elem(), offset+uintptr(i)*t.Elem().Size(), blank)
		}
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			parts = partsOf(parts, f.Type, offset+f.Offset, blank || f.Name == "_")
		}
	default:
		parts = append(parts, keyPart{t, offset, blank})
	}
	return parts
}

// countFields returns the number of fields that parts are hashed as, or a number that is too large if that cannot be.
func countFields(parts []keyPart) (n int) {
	for _, p := range parts {
		switch k := p.t.Kind(); {
		case p.blank:
		case k == reflect.Interface:
			return math.MaxInt
		case k == reflect.Complex64, k == reflect.Complex128:
			n += 2
		default:
			n++
		}
	}
	return n
}

// of returns the part of the key at base.
func (p keyPart) of(base unsafe.Pointer) reflect.Value {
	return reflect.NewAt(p.t, unsafe.Add(base, p.offset)).Elem()
}

// garbage fills the memory of a key with b, as far as it is not in parts that the collector must find pointers in.
func garbage(base unsafe.Pointer, size uintptr, parts []keyPart, b byte) {
	memory := unsafe.Slice((*byte)(base), size)
	for i := range memory {
		memory[i] = b
	}
	for _, p := range parts {
		if hasPointers(p.t) {
			clear(memory[p.offset:][:p.t.Size()])
		}
	}
}

// A partContent stands for the value of a part.
type partContent struct {
	bits uint64
	text string
}

var (
	keyPointers = [8]*int{nil, new(int), new(int), new(int), new(int), new(int), new(int), new(int)}
	keyChannels = [4]chan int{nil, make(chan int), make(chan int), make(chan int)}
)

// set sets the part of the key at base to the value that c stands for, or to a twin of it: equal, but with the other
// zero, and in another place. Twins of blank parts are not equal. It returns what keeps alive what the part refers to.
func (p keyPart) set(base unsafe.Pointer, c partContent, twin bool) (keep any) {
	if p.blank && twin {
		c.bits, c.text = ^c.bits, c.text+"twin"
	}
	switch v := p.of(base); v.Kind() {
	case reflect.Bool:
		v.SetBool(c.bits&1 != 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int:
		v.SetInt(int64(c.bits))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint, reflect.Uintptr:
		v.SetUint(c.bits)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(c.float(twin))
	case reflect.Complex64, reflect.Complex128:
		v.SetComplex(complex(c.float(twin), partContent{bits: c.bits >> 8}.float(twin)))
	case reflect.String:
		s := c.string()
		v.SetString(s)
		return s
	case reflect.Pointer:
		v.Set(reflect.ValueOf(keyPointers[c.bits%8]))
	case reflect.Chan:
		v.Set(reflect.ValueOf(keyChannels[c.bits%4]))
	case reflect.Interface:
		dynamic := c.dynamic(v.NumMethod() > 0, twin)
		v.Set(reflect.ValueOf(dynamic))
		return dynamic
	default:
		panic(v.Kind())
	}
	return nil
}

// string returns a string in memory of its own.
func (c partContent) string() string {
	if c.bits == 0 {
		return string([]byte(c.text))
	}
	return string(binary.AppendUvarint([]byte(c.text), c.bits))
}

// float returns a zero half of the time.
func (c partContent) float(twin bool) float64 {
	if c.bits&1 != 0 {
		return float64(int64(c.bits)>>1) / 64
	}
	if (c.bits&2 != 0) != twin {
		return math.Copysign(0, -1)
	}
	return 0
}

func (c partContent) dynamic(named, twin bool) any {
	rest := partContent{c.bits >> 4, c.text}
	switch kind := c.bits % 16; {
	case named:
		return namedString(c.string())
	case kind < 3:
		return rest.string()
	case kind < 6:
		return rest.float(twin)
	case kind < 8:
		return withInterface{int(c.bits), rest.float(twin)}
	case kind < 10:
		return [2]string{rest.string(), c.text}
	}
	words := []any{int(rest.bits), int64(rest.bits), uint64(rest.bits), int32(rest.bits), uint32(rest.bits), int16(rest.bits)}
	return words[c.bits%16-10]
}

// changed returns the content of a part that differs in one bit. It leaves alone those bits that choose a dynamic type:
// int(1) and int64(1), in an interface, may have the same hash, for there are only so many types.
func (p keyPart) changed(c partContent, in *hashInput) partContent {
	bit := in.byte() % 64
	if p.t.Kind() == reflect.Interface {
		bit = 4 + bit%60
	}
	return partContent{c.bits ^ 1<<bit, c.text}
}

// A hashInput is what is left of the bytes of an input. Missing bytes are zero.
type hashInput struct{ data []byte }

func (in *hashInput) byte() byte {
	if len(in.data) == 0 {
		return 0
	}
	b := in.data[0]
	in.data = in.data[1:]
	return b
}

func (in *hashInput) pick(n int) int { return int(in.byte()) % n }

// content takes a byte for each part, and more for some: for the others the byte says it all.
func (in *hashInput) content(parts []keyPart) []partContent {
	content := make([]partContent, len(parts))
	for i := range content {
		b := in.byte()
		content[i].bits = uint64(b)
		if b >= 0xc0 {
			var word [8]byte
			in.data = in.data[copy(word[:], in.data):]
			content[i].bits = binary.LittleEndian.Uint64(word[:])
			n := min(int(b&0x1f), len(in.data))
			content[i].text, in.data = string(in.data[:n]), in.data[n:]
		}
	}
	return content
}

// knownTypes are the types made up so far, by their descriptions. A type is never collected; so there is a limit, after
// which inputs that describe yet another type are passed over.
var knownTypes = make(map[string]reflect.Type)

const maxKnownTypes = 1 << 14

// knownType takes the description of a struct type, and returns the type.
func (in *hashInput) knownType() reflect.Type {
	n := min(in.pick(24), len(in.data))
	description := in.data[:n]
	in.data = in.data[n:]
	if t, ok := knownTypes[string(description)]; ok || len(knownTypes) >= maxKnownTypes {
		return t
	}
	t := (&hashInput{description}).structType(2)
	knownTypes[string(description)] = t
	return t
}

var partTypes = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](),
	reflect.TypeFor[int64](), reflect.TypeFor[int](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](),
	reflect.TypeFor[uint32](), reflect.TypeFor[uint64](), reflect.TypeFor[uintptr](), reflect.TypeFor[float32](),
	reflect.TypeFor[float64](), reflect.TypeFor[complex64](), reflect.TypeFor[complex128](), reflect.TypeFor[string](),
	reflect.TypeFor[namedString](), reflect.TypeFor[*int](), reflect.TypeFor[chan int](), reflect.TypeFor[struct{}](),
	reflect.TypeFor[any](),
}

// structType makes a struct type of the whole description, or of up to four fields of it if it is inside another one.
func (in *hashInput) structType(depth int) reflect.Type {
	var fields []reflect.StructField
	for n := 0; len(in.data) > 0 && (depth == 2 || n < 4); n++ {
		b := in.byte()
		f := reflect.StructField{Name: "_", PkgPath: "shardmap", Type: partTypes[int(b)%len(partTypes)]}
		if b < 0xe0 {
			f.Name, f.PkgPath = string('A'+rune(n)), ""
		}
		switch kind := b >> 3 & 7; {
		case kind == 6 && depth > 0:
			f.Type = in.structType(depth - 1)
		case kind == 7:
			f.Type = reflect.ArrayOf(in.pick(4), f.Type)
		}
		fields = append(fields, f)
	}
	return reflect.StructOf(slices.Clip(fields))
}
