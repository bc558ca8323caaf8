package trace

import (
	"fmt"
	"time"
)

// A Kind is what an operation does. Kinds have the names of the methods of shardmap.ConcurrentMap.
type Kind uint8

// The kinds of operations. Those from Range on concern no single key.
const (
	Start Kind = iota // no operation: the key was there when the recording began; before all others
	Load
	Store
	LoadOrStore
	LoadAndDelete
	Delete
	Swap
	CompareAndSwap
	CompareAndDelete
	Compute
	LoadOrCompute
	Range
	Len
	Clear

	kinds // how many there are
)

var kindNames = [kinds]string{
	"Start", "Load", "Store", "LoadOrStore", "LoadAndDelete", "Delete", "Swap", "CompareAndSwap", "CompareAndDelete",
	"Compute", "LoadOrCompute", "Range", "Len", "Clear",
}

// String returns the name of the kind. It allocates for unknown kinds only.
func (k Kind) String() string {
	if k < kinds {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// HasKey tells whether operations of the kind concern one key, rather than the whole map.
func (k Kind) HasKey() bool { return k < Range }

// An Outcome is what came of an operation: a sum of [Found], [Stored] and [Deleted].
type Outcome uint8

// What can have come of an operation. Neither Found nor its absence means anything where [Op.TellsPresence] is false.
const (
	Found   Outcome = 1 << iota // the key was there before
	Stored                      // the operation stored a value
	Deleted                     // the operation deleted the entry, if there was one
)

// An Op is one operation. It refers to no other memory.
type Op struct {
	Key     uint64        // tells the key from others of the trace, and nothing else; 0 if the kind has none
	At      time.Duration // when it began, from when the recording began; files have microseconds
	Length  uint32        // of the key in bytes; if the kind has no key, how many entries the operation saw
	Kind    Kind
	Outcome Outcome
}

// TellsPresence tells whether the operation's outcome says if the key was there before. Store and Delete do not, nor does
// a CompareAndSwap or CompareAndDelete that did nothing, nor a LoadOrCompute that ended in an error.
func (o Op) TellsPresence() bool {
	switch o.Kind {
	case Load, LoadAndDelete, Swap, Compute, LoadOrStore:
		return true
	case CompareAndSwap, CompareAndDelete, LoadOrCompute:
		return o.Outcome != 0
	}
	return false
}

// allowed are the outcomes that an operation of each kind can have, as bits.
var allowed = [kinds]uint8{
	Start:            1 << Found,
	Load:             1<<0 | 1<<Found,
	Store:            1 << Stored,
	LoadOrStore:      1<<Found | 1<<Stored,
	LoadAndDelete:    1<<0 | 1<<(Found|Deleted),
	Delete:           1 << Deleted,
	Swap:             1<<Stored | 1<<(Found|Stored),
	CompareAndSwap:   1<<0 | 1<<(Found|Stored),
	CompareAndDelete: 1<<0 | 1<<(Found|Deleted),
	Compute:          1<<0 | 1<<Found | 1<<Stored | 1<<(Found|Stored) | 1<<Deleted | 1<<(Found|Deleted),
	LoadOrCompute:    1<<0 | 1<<Found | 1<<Stored,
	Range:            1 << 0,
	Len:              1 << 0,
	Clear:            1 << Deleted,
}

// check returns what is wrong with an operation, or nil.
func (o Op) check() error {
	switch {
	case o.Kind >= kinds:
		return fmt.Errorf("kind %d: want less than %d", o.Kind, kinds)
	case o.Outcome >= 8 || allowed[o.Kind]>>o.Outcome&1 == 0:
		return fmt.Errorf("outcome %d of %v: there is no such", o.Outcome, o.Kind)
	}
	return nil
}

// A Header says what a trace is of.
type Header struct {
	Keys    string    `json:"keys"`             // what they are like, in the terms of workloads: "int", "string" or "namespacedName"
	KeyType string    `json:"keyType"`          // the name of their type
	Values  string    `json:"values"`           // what they are like: "pointer", "int" or "triple"
	Sample  int       `json:"sample"`           // operations on one of so many keys were recorded, chosen by chance; 1 for all
	Shared  int       `json:"shared,omitempty"` // tracks below this number are of processors, not of goroutines
	Procs   int       `json:"procs"`            // GOMAXPROCS when the recording began
	Date    time.Time `json:"date,omitzero"`    // when it began
}

// check returns what is wrong with a header, or nil.
func (h *Header) check() error {
	switch {
	case h.Keys != "int" && h.Keys != "string" && h.Keys != "namespacedName":
		return fmt.Errorf("header: keys %q: want int, string or namespacedName", h.Keys)
	case h.Values != "pointer" && h.Values != "int" && h.Values != "triple":
		return fmt.Errorf("header: values %q: want pointer, int or triple", h.Values)
	case h.Sample < 1:
		return fmt.Errorf("header: sample %d: want at least 1", h.Sample)
	case h.Shared < 0 || h.Shared > MaxTracks:
		return fmt.Errorf("header: shared %d: want 0 to %d", h.Shared, MaxTracks)
	case h.Procs < 1:
		return fmt.Errorf("header: procs %d: want at least 1", h.Procs)
	}
	return nil
}

// A Block is operations of one track, in their order.
type Block struct {
	Track uint32 // of the goroutine or, below [Header.Shared], of the processor
	Lost  uint64 // how many operations of the track are missing just before these
	Ops   []Op
}

// Limits of the format. What is above them is refused by [Writer] and [Reader].
const (
	MaxTracks = 1 << 20 // in a trace
	MaxOps    = 1 << 14 // in a block
	MaxKeys   = 1 << 18 // in the dictionary, before the block with which it starts anew

	maxContent = 1 << 20 // bytes of a block; those of the largest possible D block before compression are fewer
)
