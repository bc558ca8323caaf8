package cells

// An Operation is what is done over and over in a cell.
type Operation struct {
	Name  string
	About string // one line for a person

	kind      opKind
	allocates bool // in some of the maps, so that each batch begins after a garbage collection
}

// Operations returns all there are.
func Operations() []Operation {
	return []Operation{
		{Name: "hit", About: "Load of a key that is there"},
		{Name: "miss", About: "Load of a key that is not"},
		{Name: "update", About: "Store of a key that is there", allocates: true},
		{Name: "loadOrStore", About: "LoadOrStore of a key that is there"},
		{Name: "mix99", About: "99 hits to one update", allocates: true},
		{Name: "mix90", About: "9 hits to one update", allocates: true},
		{Name: "mix50", About: "a hit and an update in turn", allocates: true},
		{Name: "insert", About: "Store of a key that is not there, into a map that is empty at first", kind: fills, allocates: true},
		{Name: "presized", About: "the same, into a map that was made for so many entries, if it can be", kind: fills, allocates: true},
		{Name: "churn", About: "Delete of a key and Store of another: half an operation each", allocates: true},
		{Name: "queue", About: "LoadAndDelete of the oldest key and Store of another: half an operation each", allocates: true},
		{Name: "hot", About: "atomic increment of one and the same key by all goroutines", allocates: true},
		{Name: "range", About: "a walk over all entries, by each goroutine; time per entry", kind: walks},
		{Name: "rangeWrites", About: "the same, by all goroutines but one, which updates keys; a map that locks while it is walked keeps that one out", kind: walks, allocates: true},
	}
}

// An opKind says what a batch of an operation is.
type opKind uint8

const (
	calls opKind = iota // so many calls, on a map that is there
	fills               // new maps, one after the other, which are filled
	walks               // so many walks over all entries of a map that is there
)

func operation(name string) Operation {
	for _, o := range Operations() {
		if o.Name == name {
			return o
		}
	}
	panic("cells: no operation " + name) // Check has let it through
}

func operationNames() (names []string) {
	for _, o := range Operations() {
		names = append(names, o.Name)
	}
	return names
}
