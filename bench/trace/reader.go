package trace

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// An Error says what is wrong with a file, and where.
type Error struct {
	Offset int64 // of the block, in bytes from the beginning of the trace
	Err    error // what is wrong; [io.ErrUnexpectedEOF] inside if the file ends too early
}

// Error returns one line.
func (e *Error) Error() string { return fmt.Sprintf("trace: offset %d: %v", e.Offset, e.Err) }

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// A Reader reads a trace. It is for one goroutine at a time. Its memory is bounded, whatever is in the file: by the dictionary of
// keys (4 MB) and one block (2 MB).
type Reader struct {
	r      *bufio.Reader
	offset int64 // of what is read next
	block  int64 // offset of the current block
	header Header

	content    []byte
	plain      bytes.Buffer // the content, decompressed
	flate      io.ReadCloser
	dictionary []entry
	ops        []Op

	operations, lost uint64
	began            bool
	err              error
}

type entry struct {
	key    uint64
	length uint32
}

// NewReader begins to read a trace. The error is an [*Error] if the trace is bad, else that of r.
func NewReader(r io.Reader) (*Reader, error) {
	t := &Reader{r: bufio.NewReaderSize(r, 1<<16), flate: flate.NewReader(bytes.NewReader(nil))}
	start := make([]byte, len(magic)+1)
	if err := t.full(start); err != nil {
		return nil, t.fail(err)
	}
	if string(start[:len(magic)]) != magic {
		return nil, t.fail(fmt.Errorf("no trace: it does not begin with %q", magic))
	}
	if v := start[len(magic)]; v != version {
		return nil, t.fail(fmt.Errorf("version %d: this program reads version %d", v, version))
	}
	kind, content, err := t.next()
	switch {
	case err != nil:
		return nil, t.fail(err)
	case kind != headerBlock:
		return nil, t.fail(fmt.Errorf("block %q: want the header first", kind))
	}
	if err := json.Unmarshal(content, &t.header); err != nil {
		return nil, t.fail(fmt.Errorf("header: %w", err))
	}
	if err := t.header.check(); err != nil {
		return nil, t.fail(err)
	}
	return t, nil
}

// Header returns the header. It neither waits nor allocates.
func (t *Reader) Header() Header { return t.header }

// Operations returns how many operations were read, those of kind Start included.
func (t *Reader) Operations() uint64 { return t.operations }

// Lost returns how many operations the blocks that were read say are missing.
func (t *Reader) Lost() uint64 { return t.lost }

// fail returns the error with its place. That of the reader below is left as it is.
func (t *Reader) fail(err error) error {
	var below readError
	switch {
	case errors.As(err, &below):
		t.err = below.error
	case err == io.EOF:
		t.err = err
	default:
		t.err = &Error{t.block, err}
	}
	return t.err
}

// A readError is an error of the reader below other than the end of the file.
type readError struct{ error }

// full fills p.
func (t *Reader) full(p []byte) error {
	n, err := io.ReadFull(t.r, p)
	t.offset += int64(n)
	return ended(err)
}

func (t *Reader) byte() (byte, error) {
	b, err := t.r.ReadByte()
	if err == nil {
		t.offset++
	}
	return b, ended(err)
}

// ended makes any end of the file an early one, and marks other errors.
func ended(err error) error {
	switch err {
	case nil:
		return nil
	case io.EOF, io.ErrUnexpectedEOF:
		return fmt.Errorf("the file ends before the trace does: %w", io.ErrUnexpectedEOF)
	}
	return readError{err}
}

// next reads a block and checks its sum.
func (t *Reader) next() (kind byte, content []byte, err error) {
	t.block = t.offset
	if kind, err = t.byte(); err != nil {
		return 0, nil, err
	}
	sum := crc32.Update(0, castagnoli, []byte{kind})
	length := uint64(0)
	for shift := 0; ; shift += 7 {
		b, err := t.byte()
		if err != nil {
			return 0, nil, err
		}
		sum = crc32.Update(sum, castagnoli, []byte{b})
		length |= uint64(b&0x7F) << shift
		if length > maxContent || shift > 14 {
			return 0, nil, fmt.Errorf("block of %d bytes or more: want at most %d", length, maxContent)
		}
		if b < 0x80 {
			break
		}
	}
	if uint64(cap(t.content)) < length {
		t.content = make([]byte, length)
	}
	t.content = t.content[:length]
	if err := t.full(t.content); err != nil {
		return 0, nil, err
	}
	var stored [4]byte
	if err := t.full(stored[:]); err != nil {
		return 0, nil, err
	}
	if want, got := binary.LittleEndian.Uint32(stored[:]), crc32.Update(sum, castagnoli, t.content); got != want {
		return 0, nil, fmt.Errorf("checksum %08x: want %08x, the file is damaged", got, want)
	}
	return kind, t.content, nil
}

// Next returns the next block, which is good until the following call. At the end of a whole trace the error is
// [io.EOF], for a bad one it is an [*Error]; it stays.
func (t *Reader) Next() (Block, error) {
	if t.err != nil {
		return Block{}, t.err
	}
	kind, content, err := t.next()
	if err != nil {
		return Block{}, t.fail(err)
	}
	switch kind {
	case dataBlock:
		b, err := t.decode(content)
		if err != nil {
			return Block{}, t.fail(err)
		}
		return b, nil
	case endBlock:
		return Block{}, t.fail(t.end(content))
	}
	return Block{}, t.fail(fmt.Errorf("block %q: want %q or %q", kind, dataBlock, endBlock))
}

// end checks the last block, and that nothing follows. It returns io.EOF if all is well.
func (t *Reader) end(content []byte) error {
	d := decoder{rest: content}
	operations, lost := d.uvarint(1<<63), d.uvarint(1<<63)
	switch {
	case d.err != nil:
		return d.err
	case len(d.rest) > 0:
		return fmt.Errorf("%d bytes too many in the block", len(d.rest))
	case operations != t.operations || lost != t.lost:
		return fmt.Errorf("%d operations and %d lost: there were %d and %d", operations, lost, t.operations, t.lost)
	}
	switch _, err := t.r.ReadByte(); err {
	case io.EOF:
		return io.EOF
	case nil:
		return errors.New("there is something after the end of the trace")
	default:
		return readError{err}
	}
}

// inflate decompresses the content of a block into t.plain.
func (t *Reader) inflate(packed []byte) error {
	input := bytes.NewReader(packed) // flate reads no more of it than it needs
	if err := t.flate.(flate.Resetter).Reset(input, nil); err != nil {
		return err
	}
	t.plain.Reset()
	n, err := t.plain.ReadFrom(io.LimitReader(t.flate, maxContent+1))
	switch {
	case err != nil:
		return fmt.Errorf("the block cannot be decompressed: %w", err)
	case n > maxContent:
		return fmt.Errorf("block of more than %d bytes, decompressed: want fewer", maxContent)
	case input.Len() > 0:
		return fmt.Errorf("%d bytes too many in the block", input.Len())
	}
	return nil
}

// decode reads the operations of a block.
func (t *Reader) decode(packed []byte) (Block, error) {
	if err := t.inflate(packed); err != nil {
		return Block{}, err
	}
	d := decoder{rest: t.plain.Bytes()}
	b := Block{Track: uint32(d.uvarint(MaxTracks - 1)), Lost: d.uvarint(1 << 62)}
	flags := d.bytes(1)
	n := int(d.uvarint(MaxOps))
	m := int(d.uvarint(uint64(n)))
	codes, numbers := d.bytes(n), d.bytes(8*m)
	if d.err != nil {
		return Block{}, d.err
	}
	switch flags[0] {
	case freshDictionary:
		t.dictionary = t.dictionary[:0]
	case 0:
	default:
		return Block{}, fmt.Errorf("flags %#x: want 0 or 1", flags[0])
	}
	if len(t.dictionary) >= MaxKeys && m > 0 {
		return Block{}, fmt.Errorf("dictionary of %d keys: want it to start anew", len(t.dictionary))
	}
	known := len(t.dictionary)
	for i := range m {
		number := binary.LittleEndian.Uint64(numbers[8*i:])
		t.dictionary = append(t.dictionary, entry{number, uint32(d.uvarint(1<<32 - 1))})
	}
	if err := t.readOps(&d, codes, known); err != nil {
		return Block{}, err
	}
	b.Ops = t.ops
	t.operations += uint64(len(b.Ops))
	t.lost += b.Lost
	return b, nil
}

// readOps reads the columns that follow the dictionary into t.ops.
func (t *Reader) readOps(d *decoder, codes []byte, known int) error {
	t.ops = t.ops[:0]
	for _, code := range codes {
		op := Op{Kind: Kind(code >> 3), Outcome: Outcome(code & 7)}
		if err := op.check(); err != nil {
			return err
		}
		if op.Kind != Start {
			t.began = true
		} else if t.began {
			return fmt.Errorf("%v: comes after the first operation", Start)
		}
		t.ops = append(t.ops, op)
	}
	for i := range t.ops {
		if !t.ops[i].Kind.HasKey() {
			continue
		}
		place := known // of the next new key
		if ref := d.uvarint(uint64(known)); ref > 0 {
			place = int(ref) - 1
		} else {
			known++
		}
		if place >= len(t.dictionary) {
			return fmt.Errorf("operation %d of the block: there are no more keys than %d", i, len(t.dictionary))
		}
		t.ops[i].Key, t.ops[i].Length = t.dictionary[place].key, t.dictionary[place].length
	}
	for i := range t.ops {
		if !t.ops[i].Kind.HasKey() {
			t.ops[i].Length = uint32(d.uvarint(1<<32 - 1))
		}
	}
	at := int64(0)
	for i := range t.ops {
		at += d.varint()
		if at < -maxTime || at > maxTime {
			return fmt.Errorf("operation %d of the block: its time is out of range", i)
		}
		t.ops[i].At = time.Duration(at) * tick
	}
	switch {
	case d.err != nil:
		return d.err
	case known != len(t.dictionary):
		return fmt.Errorf("%d keys of the block are not used", len(t.dictionary)-known)
	case len(d.rest) > 0:
		return fmt.Errorf("%d bytes too many in the block", len(d.rest))
	}
	return nil
}

// maxTime is the longest time that a [time.Duration] holds, in ticks.
const maxTime = int64(1<<63-1) / int64(tick)

// A decoder reads numbers from a block. After an error it reads zeros.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.rest = nil
}

func (d *decoder) uvarint(limit uint64) uint64 {
	x, n := binary.Uvarint(d.rest)
	switch {
	case d.err != nil:
		return 0
	case n <= 0:
		d.fail(errors.New("the block ends too early, or has a number of more than 64 bits"))
		return 0
	case x > limit:
		d.fail(fmt.Errorf("number %d: want at most %d", x, limit))
		return 0
	}
	d.rest = d.rest[n:]
	return x
}

func (d *decoder) varint() int64 {
	x := d.uvarint(1<<64 - 1)
	return int64(x>>1) ^ -int64(x&1) // as encoding/binary
}

func (d *decoder) bytes(n int) []byte {
	if d.err != nil {
		return nil
	}
	if n > len(d.rest) {
		d.fail(errors.New("the block ends too early"))
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}
