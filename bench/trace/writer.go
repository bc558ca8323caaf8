package trace

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

const (
	magic   = "mapbench"
	version = 1
	tick    = time.Microsecond // the unit of times in files

	headerBlock = 'H'
	dataBlock   = 'D'
	endBlock    = 'E'

	freshDictionary = 1 // the flag of a D block
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A Writer writes a trace. It is for one goroutine at a time. The dictionary of keys, and the state of the compression, take
// up to 20 MB of memory, depending on the number of different keys.
type Writer struct {
	w       io.Writer
	content []byte       // of the block that is being made
	block   bytes.Buffer // with kind, length and checksum
	packed  bytes.Buffer
	flate   *flate.Writer

	dictionary map[uint64]uint32
	added      []Op   // the first operation on each of the block's new keys
	refs       []byte // what comes after them

	operations, lost uint64
	began            bool // there were operations other than Start
	err              error
}

// NewWriter begins a trace. The error is that of w, or says what is wrong with the header. Each block is written by
// one call of w.Write.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("trace: header: %w", err) // a year that JSON does not have
	}
	t := &Writer{w: w, dictionary: make(map[uint64]uint32)}
	if t.flate, err = flate.NewWriter(&t.packed, flate.BestSpeed); err != nil {
		return nil, err // for other levels only
	}
	t.block.WriteString(magic)
	t.block.WriteByte(version)
	return t, t.write(headerBlock, text)
}

// write appends a block to what is in t.block, and writes it all. The first error stays.
func (t *Writer) write(kind byte, content []byte) error {
	if t.err != nil {
		return t.err
	}
	start := t.block.Len()
	t.block.WriteByte(kind)
	t.block.Write(binary.AppendUvarint(t.block.AvailableBuffer(), uint64(len(content))))
	t.block.Write(content)
	sum := crc32.Checksum(t.block.Bytes()[start:], castagnoli)
	t.block.Write(binary.LittleEndian.AppendUint32(t.block.AvailableBuffer(), sum))
	if _, err := t.w.Write(t.block.Bytes()); err != nil {
		t.err = fmt.Errorf("trace: write: %w", err)
	}
	t.block.Reset()
	return t.err
}

// Write writes operations. A block without operations writes those that are missing, if any. Times are cut to
// microseconds. The error is that of the writer below, and stays; or it says what is wrong with the
// block, and the trace goes on as if it had not been given. Write keeps nothing of b.
func (t *Writer) Write(b Block) error {
	if t.err != nil {
		return t.err
	}
	if err := t.check(b); err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	if len(b.Ops) == 0 && b.Lost == 0 {
		return nil
	}
	t.encode(b)
	t.packed.Reset()
	t.flate.Reset(&t.packed)
	if _, err := t.flate.Write(t.content); err != nil {
		return err // of a bytes.Buffer: there are none
	}
	if err := t.flate.Close(); err != nil {
		return err
	}
	t.operations += uint64(len(b.Ops))
	t.lost += b.Lost
	return t.write(dataBlock, t.packed.Bytes())
}

func (t *Writer) check(b Block) error {
	if b.Track >= MaxTracks {
		return fmt.Errorf("track %d: want less than %d", b.Track, MaxTracks)
	}
	if len(b.Ops) > MaxOps {
		return fmt.Errorf("block of %d operations: want at most %d", len(b.Ops), MaxOps)
	}
	began := t.began
	for _, op := range b.Ops {
		if err := op.check(); err != nil {
			return err
		}
		if op.Kind != Start {
			began = true
		} else if began {
			return fmt.Errorf("%v: comes after the first operation", Start)
		}
	}
	t.began = began
	return nil
}

// encode makes the content of a block.
func (t *Writer) encode(b Block) {
	flags := byte(0)
	if len(t.dictionary) >= MaxKeys {
		clear(t.dictionary)
		flags = freshDictionary
	}
	t.added, t.refs = t.added[:0], t.refs[:0]
	var last int64
	for _, op := range b.Ops {
		if op.Kind.HasKey() {
			t.refs = binary.AppendUvarint(t.refs, t.refer(op))
		}
	}
	for _, op := range b.Ops {
		if !op.Kind.HasKey() {
			t.refs = binary.AppendUvarint(t.refs, uint64(op.Length))
		}
	}
	for _, op := range b.Ops {
		at := int64(op.At / tick)
		t.refs = binary.AppendVarint(t.refs, at-last)
		last = at
	}
	c := binary.AppendUvarint(t.content[:0], uint64(b.Track))
	c = binary.AppendUvarint(c, b.Lost)
	c = append(c, flags)
	c = binary.AppendUvarint(c, uint64(len(b.Ops)))
	c = binary.AppendUvarint(c, uint64(len(t.added)))
	for _, op := range b.Ops {
		c = append(c, byte(op.Kind)<<3|byte(op.Outcome))
	}
	for _, op := range t.added {
		c = binary.LittleEndian.AppendUint64(c, op.Key)
	}
	for _, op := range t.added {
		c = binary.AppendUvarint(c, uint64(op.Length))
	}
	t.content = append(c, t.refs...)
}

// refer returns how the block refers to the operation's key: 0 if it is new, or else 1 + its place in the dictionary.
func (t *Writer) refer(op Op) uint64 {
	if place, ok := t.dictionary[op.Key]; ok {
		return 1 + uint64(place)
	}
	t.dictionary[op.Key] = uint32(len(t.dictionary))
	t.added = append(t.added, op)
	return 0
}

// Close ends the trace, which is not whole without. It does not close the writer below. The error is the first that
// there was; if there was none, the trace is complete, and further writes are refused.
func (t *Writer) Close() error {
	if t.err != nil {
		return t.err
	}
	content := binary.AppendUvarint(nil, t.operations)
	err := t.write(endBlock, binary.AppendUvarint(content, t.lost))
	if err == nil {
		t.err = fmt.Errorf("trace: write: the trace is closed")
	}
	return err
}
