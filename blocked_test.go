package shardmap

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Readers wait for nobody. In these tests goroutines hold all locks that a map has, and do not let go of them before
// the readers are through; or a writer is stuck, for ever as far as anybody can tell, in the middle of a split. If a
// reader waits for any of it, it never comes back, and the test fails when it gives up waiting, after two minutes.

// A subject is a map of keys 0 … n-1, and how its values are made.
type subject[V comparable] struct {
	m     *Map[int, V]
	n     int
	value func(i int) V
}

// old is the value of key i in the snapshot, new the one in the map.
func (s *subject[V]) old(i int) V { return s.value(i % 50) }
func (s *subject[V]) new(i int) V { return s.value(i%50 + 1) }

// fill stores all keys, takes a snapshot, and stores every other key again. So the map has shards and entries that it
// shares with the snapshot, and some that it does not.
func (s *subject[V]) fill() *Snapshot[int, V] {
	for i := range s.n {
		s.m.Store(i, s.old(i))
	}
	snapshot := s.m.Snapshot()
	for i := 0; i < s.n; i += 2 {
		s.m.Store(i, s.new(i))
	}
	return snapshot
}

func (s *subject[V]) want(i int) V {
	if i%2 == 0 {
		return s.new(i)
	}
	return s.old(i)
}

// eachSlotKind runs a test for maps with each kind of slot.
func eachSlotKind(t *testing.T, pointer func(*testing.T, *subject[*int]), word func(*testing.T, *subject[uint64]), box func(*testing.T, *subject[string])) {
	pointers := make([]*int, 51)
	texts := make([]string, 51)
	for i := range pointers {
		pointers[i], texts[i] = new(int), fmt.Sprintf("value %d", i)
	}
	require.Equal(t, [...]slotKind{slotPointer, slotWord, slotBox}, [...]slotKind{slotKindOf[*int](), slotKindOf[uint64](), slotKindOf[string]()})
	t.Run("slot=pointer", func(t *testing.T) { pointer(t, &subject[*int]{value: func(i int) *int { return pointers[i] }}) })
	t.Run("slot=word", func(t *testing.T) { word(t, &subject[uint64]{value: func(i int) uint64 { return uint64(i) << 50 }}) })
	t.Run("slot=box", func(t *testing.T) { box(t, &subject[string]{value: func(i int) string { return texts[i] }}) })
}

// A holdUp is goroutines that hold locks until they are told to let go.
type holdUp struct {
	holding, gone sync.WaitGroup
	release       chan struct{}
}

func newHoldUp() *holdUp { return &holdUp{release: make(chan struct{})} }

// hold has a goroutine take a lock.
func (u *holdUp) hold(lock, unlock func()) {
	u.holding.Add(1)
	u.gone.Go(func() {
		lock()
		u.holding.Done()
		<-u.release
		unlock()
	})
}

// holdShards has a goroutine hold the lock of each shard of the directories.
func (u *holdUp) holdShards(directories ...*directory[int]) (n int) {
	held := make(map[*shard]bool)
	for _, d := range directories {
		if d == nil {
			continue
		}
		for s := range d.shards {
			if !held[s] {
				held[s] = true
				u.hold(s.mu.Lock, s.mu.Unlock)
			}
		}
	}
	return len(held)
}

func (u *holdUp) letGo() {
	close(u.release)
	u.gone.Wait()
}

// requireUnhindered runs f in n goroutines, and demands that they all return while the locks are held.
func (u *holdUp) requireUnhindered(t *testing.T, n int, f func(id int)) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		var group sync.WaitGroup
		for id := range n {
			group.Go(func() { f(id) })
		}
		group.Wait()
		close(done)
	}()
	patience := time.NewTimer(2 * time.Minute)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
		stacks := make([]byte, 1<<20)
		t.Errorf("somebody waits for a lock:\n%s", stacks[:runtime.Stack(stacks, true)])
		u.letGo()
		<-done
		t.FailNow()
	}
}

// loads is how many Loads the readers of one map do together: with the eight sizes of maps, a million for each kind of slot.
func loads() int {
	if testing.Short() {
		return 12_500
	}
	return 125_000
}

func TestReadersNeverBlockWhileEveryLockIsHeld(t *testing.T) {
	eachSlotKind(t, testReadersUnderLocks, testReadersUnderLocks, testReadersUnderLocks)
}

func testReadersUnderLocks[V comparable](t *testing.T, s *subject[V]) {
	const readers, waiting = 4, 8
	for _, s.n = range []int{0, 1, 6, 7, 160, 161, 3000, 50_000} {
		s.m = new(Map[int, V])
		snapshot := s.fill()
		require.Equal(t, s.n == 50_000, s.n > 0 && s.m.dir.Load().pages != nil, "the largest directory, and no other, is to have two levels")

		u := newHoldUp()
		var lanes *laneSet
		u.hold( // the gate, the lanes and the table: as always, the table is free again before anybody else is let in
			func() { lanes = s.m.exclude(); s.m.grow.Lock() },
			func() { s.m.grow.Unlock(); s.m.open(lanes) },
		)
		u.hold(s.m.loads.mu.Lock, s.m.loads.mu.Unlock)
		u.holdShards(s.m.dir.Load(), snapshot.d)
		u.holding.Wait()

		var returned atomic.Int32 // of these, who all need a lock
		for i := range waiting {
			u.gone.Go(func() {
				s.needLock(i)
				returned.Add(1)
			})
		}
		u.requireUnhindered(t, readers, func(id int) {
			for i := range loads() / readers {
				s.requireLoad(t, i, id)
			}
			s.readOtherwise(t, snapshot)
		})
		require.Zero(t, returned.Load(), "the locks that should have been held were not")
		u.letGo()
		require.EqualValues(t, waiting, returned.Load())
		for i := range s.n {
			s.requireLoad(t, i, 0)
		}
		require.Equal(t, s.n+2, s.m.Len())
	}
}

// requireLoad loads a key that is present if i is even, or one that is not.
func (s *subject[V]) requireLoad(t *testing.T, i, id int) {
	if i%2 == 0 && s.n > 0 {
		key := (i/2 + id*s.n/3) % s.n
		if v, ok := s.m.Load(key); !ok || v != s.want(key) {
			t.Errorf("Load(%d) = %v, %v, want %v", key, v, ok, s.want(key))
		}
	} else if v, ok := s.m.Load(-1 - i); ok {
		t.Errorf("Load(%d) = %v, though nobody stored it", -1-i, v)
	}
}

// needLock does something that must wait for one of the locks.
func (s *subject[V]) needLock(i int) {
	switch i {
	case 0:
		s.m.Store(s.n+1000, s.value(0))
	case 1:
		s.m.LoadOrCompute(s.n+1001, func() (V, error) { return s.value(0), nil })
	case 2:
		s.m.Snapshot()
	case 3:
		s.m.Clone()
	case 4:
		s.m.Shrink()
	default:
		s.m.Store(s.n+1000, s.value(1))
	}
}

var errBlocked = errors.New("load must not be called")

// readOtherwise does everything else that reads a map, or turns out to have nothing to write, and all that can be done
// to a snapshot.
func (s *subject[V]) readOtherwise(t *testing.T, snapshot *Snapshot[int, V]) {
	if n := s.m.Len(); n != s.n {
		t.Errorf("Len() = %d, want %d", n, s.n)
	}
	absent, other := -1, s.value(50)
	for key := range min(s.n, 1000) {
		want := s.want(key)
		if v, loaded := s.m.LoadOrStore(key, other); !loaded || v != want {
			t.Errorf("LoadOrStore(%d) = %v, %v", key, v, loaded)
		}
		if v, loaded, err := s.m.LoadOrCompute(key, func() (V, error) { return other, errBlocked }); !loaded || v != want || err != nil {
			t.Errorf("LoadOrCompute(%d) = %v, %v, %v", key, v, loaded, err)
		}
		if v, ok := s.m.Compute(key, func(old V, _ bool) (V, Op) { return other, Keep }); !ok || v != want {
			t.Errorf("Compute(%d) that keeps = %v, %v", key, v, ok)
		}
		if want != other && (s.m.CompareAndSwap(key, other, want) || s.m.CompareAndDelete(key, other)) {
			t.Errorf("key %d was taken for one with another value", key)
		}
		if v, ok := snapshot.Load(key); !ok || v != s.old(key) {
			t.Errorf("Snapshot.Load(%d) = %v, %v", key, v, ok)
		}
		if v, ok := snapshot.Load(absent); ok {
			t.Errorf("Snapshot.Load of an absent key = %v", v)
		}
	}
	if v, ok := s.m.LoadAndDelete(absent); ok {
		t.Errorf("LoadAndDelete of an absent key = %v", v)
	}
	s.m.Delete(absent)
	if s.m.CompareAndSwap(absent, other, other) || s.m.CompareAndDelete(absent, other) {
		t.Error("an absent key was taken for a present one")
	}
	// Compute makes the directory of a map that never had one, which needs no lock either.
	if _, ok := s.m.Compute(absent, func(old V, _ bool) (V, Op) { return old, Remove }); ok {
		t.Error("Compute that removes an absent key says that it is there")
	}
	n := 0
	for key, v := range snapshot.All() {
		n++
		if v != s.old(key) {
			t.Errorf("the snapshot shows %d → %v", key, v)
		}
	}
	if n != s.n || snapshot.Len() != n || len(snapshot.ToMap()) != n || len(SortedKeys(snapshot)) != n {
		t.Errorf("the snapshot shows %d entries, its Len is %d, want %d", n, snapshot.Len(), s.n)
	}
	for range snapshot.Diff(nil) {
		n--
	}
	if n != 0 {
		t.Errorf("Diff shows %d entries fewer than All", n)
	}
	if _, err := snapshot.MarshalJSON(); err != nil || snapshot.String() == "" {
		t.Errorf("the snapshot cannot be encoded or printed: %v", err)
	}
}

// What overwrites a present key that no snapshot shares waits for no shard's lock either, nor for the directory's.
func TestUpdatesOfPresentKeysNeedNoShard(t *testing.T) {
	eachSlotKind(t, testUpdatesUnderLocks, testUpdatesUnderLocks, testUpdatesUnderLocks)
}

func testUpdatesUnderLocks[V comparable](t *testing.T, s *subject[V]) {
	const writers = 4
	for _, s.n = range []int{4, 160, 3000} {
		s.m = new(Map[int, V])
		for i := range s.n {
			s.m.Store(i, s.old(i))
		}
		s.m.widen() // which an update may have to wait for, once in the life of a map
		u := newHoldUp()
		require.Equal(t, s.n == 3000, u.holdShards(s.m.dir.Load()) > 1, "the largest map, and no other, is to have many shards")
		u.hold(s.m.grow.Lock, s.m.grow.Unlock)
		u.holding.Wait()
		inserted := make(chan struct{})
		go func() {
			defer close(inserted)
			s.m.Store(-1, s.value(0))
		}()
		u.requireUnhindered(t, writers, func(id int) {
			for key := id; key < s.n; key += writers {
				old := s.old(key)
				for i := range 50 {
					next := s.value(i)
					s.m.Store(key, next)
					if v, loaded := s.m.Swap(key, old); !loaded || v != next {
						t.Errorf("Swap(%d) = %v, %v, want %v", key, v, loaded, next)
					}
					if !s.m.CompareAndSwap(key, old, next) {
						t.Errorf("CompareAndSwap(%d) has failed", key)
					}
					if v, ok := s.m.Compute(key, func(V, bool) (V, Op) { return old, Set }); !ok || v != old {
						t.Errorf("Compute(%d) = %v, %v, want %v", key, v, ok, old)
					}
				}
				s.m.Store(key, s.want(key))
			}
		})
		select {
		case <-inserted:
			t.Error("the locks that should have been held were not")
		default:
		}
		u.letGo()
		<-inserted
		for i := range s.n {
			s.requireLoad(t, i, 0)
		}
		require.Equal(t, s.n+1, s.m.Len())
	}
}
