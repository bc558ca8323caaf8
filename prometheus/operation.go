package shardmapprom

// An operation is a kind of call. All that is counted about it stays in the cells of one row of a stripe.
type operation uint8

const (
	load operation = iota
	store
	loadOrStore
	loadAndDelete
	del
	swap
	compareAndSwap
	compareAndDelete
	compute
	loadOrCompute
	rangeOver // the first operation on the whole map
	deleteFunc
	clearAll
	snapshot
	replace
	clone
	shrink

	operations = int(shrink) + 1
)

func (o operation) onWholeMap() bool { return o >= rangeOver }

// An outcome is how an operation ended. It is finer than the result label: zero is a hit, too.
type outcome uint8

const (
	miss     outcome = iota
	hit              // and ok, of operations that find nothing
	zero             // a hit that hands out the zero value
	failed           // load of LoadOrCompute returned an error
	panicked         // or called runtime.Goexit

	outcomes = int(panicked) + 1
)

// kinds says what an operation is called and by what results its outcomes are shown; "" is an outcome that it never has.
var kinds = [operations]struct {
	name    string
	results [outcomes]string
}{
	load:             {"load", [outcomes]string{miss: "miss", hit: "hit", zero: "hit"}},
	store:            {"store", [outcomes]string{hit: "ok"}},
	loadOrStore:      {"load_or_store", [outcomes]string{miss: "miss", hit: "hit", zero: "hit"}},
	loadAndDelete:    {"load_and_delete", [outcomes]string{miss: "miss", hit: "hit", zero: "hit"}},
	del:              {"delete", [outcomes]string{miss: "miss", hit: "hit"}},
	swap:             {"swap", [outcomes]string{miss: "miss", hit: "hit", zero: "hit"}},
	compareAndSwap:   {"compare_and_swap", [outcomes]string{miss: "miss", hit: "hit"}},
	compareAndDelete: {"compare_and_delete", [outcomes]string{miss: "miss", hit: "hit"}},
	compute:          {"compute", [outcomes]string{miss: "miss", hit: "hit", zero: "hit", panicked: "panic"}},
	loadOrCompute:    {"load_or_compute", [outcomes]string{"miss", "hit", "hit", "error", "panic"}},
	rangeOver:        {"range", [outcomes]string{hit: "ok", panicked: "panic"}},
	deleteFunc:       {"delete_func", [outcomes]string{hit: "ok", panicked: "panic"}},
	clearAll:         {"clear", [outcomes]string{hit: "ok"}},
	snapshot:         {"snapshot", [outcomes]string{hit: "ok"}},
	replace:          {"replace", [outcomes]string{hit: "ok", panicked: "panic"}},
	clone:            {"clone", [outcomes]string{hit: "ok"}},
	shrink:           {"shrink", [outcomes]string{hit: "ok"}},
}

// A cell is the place of an operation's outcome in a stripe.
type cell uint8

func cellOf(o operation, r outcome) cell { return cell(int(o)*outcomes + int(r)) }

func (c cell) operation() operation { return operation(int(c) / outcomes) }
