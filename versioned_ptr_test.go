package shardmap

import (
	"math/bits"
	"math/rand/v2"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVersionedPtrCountsEveryChange(t *testing.T) {
	var p VersionedPtr[string]
	a, b := new("a"), new("b")
	requireState := func(ptr *string, version uint64) {
		t.Helper()
		gotPtr, gotVersion := p.Load()
		require.Same(t, ptr, gotPtr)
		require.Equal(t, version, gotVersion)
	}
	requireCAS := func(version uint64, new *string, wantVersion uint64, want bool) {
		t.Helper()
		gotVersion, got := p.CompareAndSwap(version, new)
		require.Equal(t, want, got)
		require.Equal(t, wantVersion, gotVersion)
	}
	requireState(nil, 0)
	requireCAS(1, a, 0, false)
	requireState(nil, 0)
	requireCAS(0, a, 1, true)
	requireState(a, 1)
	requireCAS(0, b, 1, false)
	requireCAS(2, b, 1, false)
	requireState(a, 1)

	require.EqualValues(t, 2, p.Store(a), "the same pointer, and yet a change")
	requireCAS(1, b, 2, false)
	requireCAS(2, a, 3, true)
	requireState(a, 3)

	old, version := p.Swap(b)
	require.Same(t, a, old)
	require.EqualValues(t, 4, version)
	old, version = p.Swap(nil)
	require.Same(t, b, old)
	require.EqualValues(t, 5, version)
	requireState(nil, 5)
	requireCAS(0, a, 5, false)
	requireCAS(5, nil, 6, true)
	requireState(nil, 6)
}

func TestVersionedPtrFirstChangeMayBeAnyOfThem(t *testing.T) {
	var swapped, stored VersionedPtr[int]
	old, version := swapped.Swap(new(int))
	assert.Nil(t, old)
	assert.EqualValues(t, 1, version)
	assert.EqualValues(t, 1, stored.Store(nil))
	_, version = stored.Load()
	assert.EqualValues(t, 1, version, "nil was stored, which is a change")
}

func TestVersionedPtrAllocatesOneBoxPerChange(t *testing.T) {
	var p VersionedPtr[int]
	v := new(int)
	assert.Zero(t, testing.AllocsPerRun(100, func() { p.Load() }))
	assert.Zero(t, testing.AllocsPerRun(100, func() { p.CompareAndSwap(1<<63, v) }))
	version := uint64(0)
	assert.EqualValues(t, 1, testing.AllocsPerRun(100, func() {
		var ok bool
		version, ok = p.CompareAndSwap(version, v)
		assert.True(t, ok)
	}))
	assert.EqualValues(t, 1, testing.AllocsPerRun(100, func() { p.Swap(v) }))
	assert.EqualValues(t, 1, testing.AllocsPerRun(100, func() { p.Store(v) }))
}

func TestNilVersionedPtrPanics(t *testing.T) {
	var p *VersionedPtr[int]
	for _, use := range []func(){
		func() { p.Load() }, func() { p.CompareAndSwap(0, nil) }, func() { p.Swap(nil) }, func() { p.Store(nil) },
	} {
		assert.Panics(t, use)
	}
}

// Properties, with G goroutines that make N changes each, some by CompareAndSwap and some by Swap:
//  1. Each change gets a version of its own, one higher than the change before it: together they
//     get 1 to G*N.
//  2. Each goroutine sees versions grow, by its changes and by its loads.
//  3. A successful CompareAndSwap replaced just the pointer that its caller had loaded, and a Swap
//     replaced the one that it returned: the pointers form one chain, in the order of the versions.
//  4. A failed CompareAndSwap returns a version that is newer than the one it was given.
func TestVersionedPtrConcurrentChangesFormOneSequence(t *testing.T) {
	const goroutines, changes = 8, 3000
	type link struct {
		prev   *link
		bySwap bool
	}
	var (
		p            VersionedPtr[link]
		byVersion    [goroutines*changes + 1]atomic.Pointer[link]
		start        = make(chan struct{})
		wg           sync.WaitGroup
		swappedByCAS atomic.Int64
	)
	claim := func(version uint64, l *link) {
		if version == 0 || version >= uint64(len(byVersion)) || !byVersion[version].CompareAndSwap(nil, l) {
			t.Errorf("version %d was given out twice or is out of range", version)
		}
	}
	prevBySwap := make([]map[*link]*link, goroutines)
	for g := range goroutines {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 1))
			prevBySwap[g] = map[*link]*link{}
			last := uint64(0)
			newer := func(version uint64) {
				if version <= last {
					t.Errorf("version %d after %d", version, last)
				}
				last = version
			}
			<-start
			for range changes {
				if r.IntN(4) == 0 {
					l := &link{bySwap: true}
					old, version := p.Swap(l)
					newer(version)
					claim(version, l)
					prevBySwap[g][l] = old
					continue
				}
				for {
					old, version := p.Load()
					if version < last {
						t.Errorf("loaded version %d after %d", version, last)
					}
					l := &link{prev: old}
					runtime.Gosched()
					now, ok := p.CompareAndSwap(version, l)
					newer(now)
					if ok {
						swappedByCAS.Add(1)
						claim(now, l)
						break
					}
					if now <= version {
						t.Errorf("failed with version %d, given %d", now, version)
					}
				}
			}
		})
	}
	close(start)
	wg.Wait()
	for _, m := range prevBySwap {
		for l, old := range m {
			l.prev = old
		}
	}
	latest, version := p.Load()
	require.EqualValues(t, goroutines*changes, version)
	chained := int64(0)
	for l := latest; l != nil; l = l.prev {
		require.Same(t, byVersion[version].Load(), l)
		if !l.bySwap {
			chained++
		}
		version--
	}
	require.Zero(t, version)
	require.Equal(t, swappedByCAS.Load(), chained)
}

func TestVersionedPtrCountsExactlyByCompareAndSwap(t *testing.T) {
	const goroutines, increments = 8, 3000
	var p VersionedPtr[int]
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range goroutines {
		wg.Go(func() {
			<-start
			for range increments {
				for {
					old, version := p.Load()
					next := new(1)
					if old != nil {
						*next += *old
					}
					if _, ok := p.CompareAndSwap(version, next); ok {
						break
					}
				}
			}
		})
	}
	close(start)
	wg.Wait()
	sum, version := p.Load()
	assert.Equal(t, goroutines*increments, *sum)
	assert.EqualValues(t, goroutines*increments, version)
}

// A Treiber stack whose nodes are used again is the textbook case of the ABA problem. Its top is kept
// either in a bare atomic pointer or in a VersionedPtr.

type stackNode struct {
	name  string
	next  atomic.Pointer[stackNode]
	owned atomic.Bool // by whoever popped it
}

// stackTop is the top of a stack: load returns it, and replace changes it if it is as it was loaded,
// as far as the implementation can tell.
type stackTop interface {
	load() (top *stackNode, version uint64)
	replace(top *stackNode, version uint64, new *stackNode) bool
}

type bareTop struct{ p atomic.Pointer[stackNode] }

func (b *bareTop) load() (*stackNode, uint64) { return b.p.Load(), 0 }
func (b *bareTop) replace(top *stackNode, _ uint64, new *stackNode) bool {
	return b.p.CompareAndSwap(top, new)
}

type versionedTop struct{ p VersionedPtr[stackNode] }

func (v *versionedTop) load() (*stackNode, uint64) { return v.p.Load() }
func (v *versionedTop) replace(_ *stackNode, version uint64, new *stackNode) bool {
	_, ok := v.p.CompareAndSwap(version, new)
	return ok
}

func push(s stackTop, n *stackNode) {
	for {
		top, version := s.load()
		n.next.Store(top)
		if s.replace(top, version, n) {
			return
		}
	}
}

// pop takes the top node, or returns nil if there is none. It calls between after reading what it
// is about to write, each time it tries.
func pop(s stackTop, between func()) *stackNode {
	for {
		top, version := s.load()
		if top == nil {
			return nil
		}
		next := top.next.Load()
		between()
		if s.replace(top, version, next) {
			return top
		}
	}
}

// abaScenario builds the stack A, B, C. One pop of it reads A and A's successor B and is interrupted:
// A and B are popped, and A is pushed again. Then the pop goes on. It returns what it popped, what
// the one who interrupted still owns, and what is on the stack in the end.
func abaScenario(s stackTop) (popped, owned string, left []string) {
	a, b, c := &stackNode{name: "A"}, &stackNode{name: "B"}, &stackNode{name: "C"}
	for _, n := range []*stackNode{c, b, a} {
		push(s, n)
	}
	nothing := func() {}
	interrupted := false
	popped = pop(s, func() {
		if !interrupted {
			interrupted = true
			first, second := pop(s, nothing), pop(s, nothing)
			push(s, first)
			owned = second.name
		}
	}).name
	for n := pop(s, nothing); n != nil; n = pop(s, nothing) {
		left = append(left, n.name)
	}
	return popped, owned, left
}

func TestBarePointerCorruptsAStackThatUsesItsNodesAgain(t *testing.T) {
	popped, owned, left := abaScenario(new(bareTop))
	assert.Equal(t, "A", popped)
	assert.Equal(t, "B", owned)
	assert.Equal(t, []string{"B", "C"}, left, "B is on the stack although it has an owner")
}

func TestVersionedPtrKeepsAStackThatUsesItsNodesAgainIntact(t *testing.T) {
	popped, owned, left := abaScenario(new(versionedTop))
	assert.Equal(t, "A", popped)
	assert.Equal(t, "B", owned)
	assert.Equal(t, []string{"C"}, left)
}

// Properties, with G goroutines that pop and push N times each, from one stack of few nodes:
//  1. No node is popped while it has an owner.
//  2. Afterwards every node is on the stack once.
//
// With bareTop the test fails.
func TestVersionedPtrKeepsAStackIntactUnderConcurrency(t *testing.T) {
	const goroutines, rounds, nodes = 8, 5000, 4
	s := new(versionedTop)
	for range nodes {
		push(s, new(stackNode))
	}
	start := make(chan struct{})
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			<-start
			for range rounds {
				var mine []*stackNode
				for range 2 {
					if n := pop(s, runtime.Gosched); n != nil {
						if n.owned.Swap(true) {
							t.Error("popped a node that has an owner")
							return
						}
						mine = append(mine, n)
					}
				}
				for _, n := range mine {
					n.owned.Store(false)
					push(s, n)
				}
			}
		})
	}
	close(start)
	wg.Wait()
	seen := map[*stackNode]bool{}
	for n := pop(s, func() {}); n != nil && !seen[n]; n = pop(s, func() {}) {
		seen[n] = true
	}
	assert.Len(t, seen, nodes)
}

var alignmentSink any // keeps objects on the heap

// zeroLowBits allocates many T and returns how many low bits are zero in all their addresses.
func zeroLowBits[T any]() int {
	objects := make([]*T, 2000)
	ones := uintptr(0)
	for i := range objects {
		objects[i] = new(T)
		ones |= reflect.ValueOf(objects[i]).Pointer()
	}
	alignmentSink = objects
	return bits.TrailingZeros64(uint64(ones))
}

// It logs what a tag in the low bits of a pointer would have to live on; see versioned_ptr.go.
func TestAllocatorAlignsObjectsAtLeastAsTheLanguagePromises(t *testing.T) {
	check := func(name string, got int, alignment uintptr) {
		t.Helper()
		t.Logf("%s/%s: %s: %d low bits are zero, %d promised", runtime.GOOS, runtime.GOARCH, name, got, bits.TrailingZeros64(uint64(alignment)))
		assert.GreaterOrEqual(t, got, bits.TrailingZeros64(uint64(alignment)), name)
	}
	check("1 byte", zeroLowBits[byte](), 1)
	check("2 bytes", zeroLowBits[[2]byte](), 1)
	check("uint16", zeroLowBits[uint16](), unsafe.Alignof(uint16(0)))
	check("uint32", zeroLowBits[uint32](), unsafe.Alignof(uint32(0)))
	check("uint64", zeroLowBits[uint64](), unsafe.Alignof(uint64(0)))
	check("12 bytes", zeroLowBits[[12]byte](), 1)
	check("13 bytes", zeroLowBits[[13]byte](), 1)
	check("16 bytes", zeroLowBits[[16]byte](), 1)
	check("24 bytes", zeroLowBits[[24]byte](), 1)
	check("64 bytes", zeroLowBits[[64]byte](), 1)
	check("1024 bytes", zeroLowBits[[1024]byte](), 1)
	word := unsafe.Alignof((*int)(nil))
	check("1 pointer", zeroLowBits[*int](), word)
	check("2 pointers", zeroLowBits[[2]*int](), word)
	check("3 pointers", zeroLowBits[[3]*int](), word)
	check("8 pointers", zeroLowBits[[8]*int](), word)
	check("64 pointers", zeroLowBits[[64]*int](), word)
	check("65 pointers", zeroLowBits[[65]*int](), word)
	check("127 pointers", zeroLowBits[[127]*int](), word)
	check("4096 pointers", zeroLowBits[[4096]*int](), word)
	alignmentSink = nil
}
