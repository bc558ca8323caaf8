package trace

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"testing/iotest"
	"time"
)

// testSeed returns the seed of a randomised test and prints it, so that a failure can be had again with
// SHARDMAP_SEED=<seed> go test -run <test>.
func testSeed(t testing.TB) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("SHARDMAP_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SHARDMAP_SEED=%s: %v", s, err)
		}
	}
	t.Logf("SHARDMAP_SEED=%d", seed)
	return seed
}

var header = Header{Keys: "string", KeyType: "string", Values: "pointer", Sample: 1, Shared: 2, Procs: 2,
	Date: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}

// randomOp returns any operation that there can be, on one of so many keys.
func randomOp(rng *rand.Rand, keys int, start bool) Op {
	op := Op{Kind: Kind(1 + rng.IntN(int(kinds)-1)), At: time.Duration(rng.Int64N(int64(time.Hour))).Truncate(tick)}
	if start {
		op.Kind = Start
	}
	for op.Outcome = Outcome(rng.IntN(8)); op.check() != nil; op.Outcome = Outcome(rng.IntN(8)) {
	}
	if op.Kind.HasKey() {
		key := rng.IntN(keys)
		op.Key = uint64(key+1) * 0x9E3779B97F4A7C15
		op.Length = uint32(key % 100)
	} else {
		op.Length = rng.Uint32()
	}
	return op
}

func randomBlocks(rng *rand.Rand, n, ops, keys int) []Block {
	blocks := make([]Block, n)
	for i := range blocks {
		blocks[i] = Block{Track: rng.Uint32N(MaxTracks), Lost: uint64(rng.IntN(3))}
		for range 1 + rng.IntN(ops) {
			blocks[i].Ops = append(blocks[i].Ops, randomOp(rng, keys, i == 0))
		}
	}
	return blocks
}

func write(t testing.TB, blocks []Block) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := NewWriter(&file, header)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// read returns all blocks. The error is nil if the trace is whole.
func read(file io.Reader) (h Header, blocks []Block, r *Reader, err error) {
	r, err = NewReader(file)
	if err != nil {
		return h, nil, nil, err
	}
	for {
		b, err := r.Next()
		if err == io.EOF {
			return r.Header(), blocks, r, nil
		}
		if err != nil {
			return r.Header(), blocks, r, err
		}
		b.Ops = slices.Clone(b.Ops)
		blocks = append(blocks, b)
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	rng := rand.New(rand.NewPCG(testSeed(t), 0))
	for range 50 {
		want := randomBlocks(rng, 1+rng.IntN(20), 200, 1+rng.IntN(300))
		file := write(t, want)
		for _, source := range []io.Reader{bytes.NewReader(file), iotest.OneByteReader(bytes.NewReader(file)), iotest.DataErrReader(bytes.NewReader(file))} {
			h, got, r, err := read(source)
			if err != nil || !reflect.DeepEqual(h, header) || !reflect.DeepEqual(got, want) {
				t.Fatalf("%+v, %d blocks, %v; want %d", h, len(got), err, len(want))
			}
			operations, lost := 0, uint64(0)
			for _, b := range want {
				operations, lost = operations+len(b.Ops), lost+b.Lost
			}
			if r.Operations() != uint64(operations) || r.Lost() != lost {
				t.Fatalf("%d operations, %d lost; want %d and %d", r.Operations(), r.Lost(), operations, lost)
			}
		}
	}
}

func TestTheDictionaryStartsAnewAndNothingIsMixedUp(t *testing.T) {
	var want []Block
	for i := range 3 * MaxKeys / MaxOps {
		b := Block{Ops: make([]Op, MaxOps)}
		for j := range b.Ops {
			b.Ops[j] = Op{Kind: Store, Outcome: Stored, Key: uint64(i*MaxOps + j), Length: uint32(j)}
		}
		want = append(want, b)
		want = append(want, want[i]) // and one that was there before
	}
	_, got, _, err := read(bytes.NewReader(write(t, want)))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%d blocks, %v", len(got), err)
	}
}

func TestEveryCutIsRefusedWithItsPlace(t *testing.T) {
	rng := rand.New(rand.NewPCG(testSeed(t), 0))
	file := write(t, randomBlocks(rng, 5, 60, 50))
	for n := range file {
		_, _, _, err := read(bytes.NewReader(file[:n]))
		var bad *Error
		if !errors.As(err, &bad) || !errors.Is(err, io.ErrUnexpectedEOF) || bad.Offset > int64(n) {
			t.Fatalf("the first %d of %d bytes: %v", n, len(file), err)
		}
	}
	if _, _, _, err := read(bytes.NewReader(append(file, 0))); err == nil {
		t.Error("a byte too many was not noticed")
	}
}

func TestEveryDamageIsRefusedWithItsPlace(t *testing.T) {
	rng := rand.New(rand.NewPCG(testSeed(t), 0))
	file := write(t, randomBlocks(rng, 5, 60, 50))
	for n := range file {
		for _, bit := range []int{rng.IntN(4), 4 + rng.IntN(4)} {
			damaged := bytes.Clone(file)
			damaged[n] ^= 1 << bit
			_, _, _, err := read(bytes.NewReader(damaged))
			var bad *Error
			if !errors.As(err, &bad) || bad.Offset > int64(n) {
				t.Fatalf("bit %d of byte %d of %d: %v", bit, n, len(file), err)
			}
		}
	}
}

func TestErrorsOfTheReaderBelowAreReturnedAsTheyAre(t *testing.T) {
	broken := errors.New("the disk is broken")
	file := write(t, randomBlocks(rand.New(rand.NewPCG(1, 1)), 3, 60, 50))
	for n := range file {
		if _, _, _, err := read(io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(broken))); err != broken {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
}

// A fullDisk takes so many bytes and no more.
type fullDisk struct{ room int }

var errFull = errors.New("no space left on device")

func (d *fullDisk) Write(p []byte) (int, error) {
	n := min(d.room, len(p))
	d.room -= n
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestTheFirstErrorOfTheWriterBelowStays(t *testing.T) {
	blocks := randomBlocks(rand.New(rand.NewPCG(1, 1)), 3, 60, 50)
	for room := range len(write(t, blocks)) {
		disk := &fullDisk{room}
		w, err := NewWriter(disk, header)
		for _, b := range blocks {
			if err == nil {
				err = w.Write(b)
			}
		}
		if err == nil {
			err = w.Close()
		}
		if !errors.Is(err, errFull) {
			t.Fatalf("with room for %d bytes: %v", room, err)
		}
		disk.room = 1 << 20
		if again := w.Close(); again != err {
			t.Fatalf("with room for %d bytes: %v, then %v", room, err, again)
		}
	}
}

func TestBadOperationsAreRefusedAndTheTraceGoesOn(t *testing.T) {
	var file bytes.Buffer
	w, err := NewWriter(&file, header)
	if err != nil {
		t.Fatal(err)
	}
	good := Block{Ops: []Op{{Kind: Load, Key: 1}}}
	for _, c := range []struct {
		b    Block
		want string
	}{
		{Block{Track: MaxTracks}, "trace: track 1048576: want less than 1048576"},
		{Block{Ops: make([]Op, MaxOps+1)}, "trace: block of 16385 operations: want at most 16384"},
		{Block{Ops: []Op{{Kind: kinds}}}, "trace: kind 14: want less than 14"},
		{Block{Ops: []Op{{Kind: Load, Outcome: Stored}}}, "trace: outcome 2 of Load: there is no such"},
		{Block{Ops: []Op{{Kind: Load}, {Kind: Start, Outcome: Found}}}, "trace: Start: comes after the first operation"},
	} {
		if err := w.Write(c.b); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
		if err := w.Write(good); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Write(Block{Lost: 7}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(good); err == nil {
		t.Error("a closed trace was written to")
	}
	_, blocks, r, err := read(&file)
	if err != nil || len(blocks) != 6 || r.Operations() != 5 || r.Lost() != 7 {
		t.Errorf("%d blocks, %v", len(blocks), err)
	}
}

func TestBadHeadersAreRefused(t *testing.T) {
	for want, spoil := range map[string]func(*Header){
		`trace: header: keys "float": want int, string or namespacedName`: func(h *Header) { h.Keys = "float" },
		`trace: header: values "": want pointer, int or triple`:           func(h *Header) { h.Values = "" },
		`trace: header: sample 0: want at least 1`:                        func(h *Header) { h.Sample = 0 },
		`trace: header: shared -1: want 0 to 1048576`:                     func(h *Header) { h.Shared = -1 },
		`trace: header: procs 0: want at least 1`:                         func(h *Header) { h.Procs = 0 },
	} {
		h := header
		spoil(&h)
		if _, err := NewWriter(io.Discard, h); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestEveryKindHasANameAndAnOutcome(t *testing.T) {
	for k := range kinds {
		if k.String() == "" || allowed[k] == 0 {
			t.Errorf("kind %d: name %q, outcomes %b", k, k, allowed[k])
		}
	}
	if got := Kind(200).String(); got != "Kind(200)" {
		t.Error(got)
	}
}

// FuzzReader gives the reader anything. It must not panic; what it accepts, it must read again from what the writer
// makes of it. Inputs whose sums are wrong would get nowhere, so the sums are corrected first.
func FuzzReader(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 6 {
		f.Add(write(f, randomBlocks(rng, n, 1+8*n, 5)))
	}
	whole := write(f, randomBlocks(rng, 2, 5, 5))
	f.Add(whole[:len(whole)-3])
	f.Fuzz(func(t *testing.T, file []byte) {
		h, blocks, r, err := read(bytes.NewReader(correctSums(file)))
		if err != nil {
			var bad *Error
			if !errors.As(err, &bad) || bad.Offset < 0 || bad.Offset > int64(len(file)) {
				t.Fatalf("the error has no place: %v", err)
			}
			return
		}
		var copied bytes.Buffer
		w, err := NewWriter(&copied, h)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks {
			if err := w.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		h2, blocks2, r2, err := read(&copied)
		if err != nil || fmt.Sprint(h) != fmt.Sprint(h2) || r.Operations() != r2.Operations() || r.Lost() != r2.Lost() {
			t.Fatalf("%+v became %+v, %v", h, h2, err)
		}
		if all, all2 := flat(blocks), flat(blocks2); !slices.Equal(all, all2) {
			t.Fatalf("%v became %v", all, all2)
		}
	})
}

func flat(blocks []Block) (ops []Op) {
	for _, b := range blocks {
		ops = append(ops, b.Ops...)
	}
	return ops
}
