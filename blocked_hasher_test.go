package shardmap

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A trap is a hash function that, once it is armed, gets stuck on one key until it is told to go on.
type trap struct {
	armed  atomic.Bool
	caught chan struct{}
	u      *holdUp
}

const trapped = 1 << 30 // which readers stay away from: they would be trapped, too

func (tr *trap) hash(key int) uint64 {
	if key == trapped && tr.armed.CompareAndSwap(true, false) {
		close(tr.caught)
		<-tr.u.release
	}
	return uint64(key)
}

// The hash function is the one piece of a user's code that runs under a lock. However long it takes there – in an insert
// that moves the keys of a shard, in Shrink, which has all writers wait – readers go on, and so do updates of present
// keys beside an insert; a snapshot that waits for the insert does not make readers wait either.
func TestReadersDoNotWaitForAHasherThatBlocksAWriter(t *testing.T) {
	eachSlotKind(t, testReadersBesideAStuckWriter, testReadersBesideAStuckWriter, testReadersBesideAStuckWriter)
}

func testReadersBesideAStuckWriter[V comparable](t *testing.T, s *subject[V]) {
	for _, c := range []struct {
		name   string
		n      int
		shrink bool
	}{{"the only shard grows", 3, false}, {"a shard splits", 2000, false}, {"a shard of many splits", 50_000, false}, {"Shrink", 2000, true}} {
		t.Run(c.name, func(t *testing.T) {
			u := newHoldUp()
			tr := &trap{caught: make(chan struct{}), u: u}
			s.m, s.n = New[int, V](WithHasher(tr.hash)), c.n
			s.m.Store(trapped, s.value(0))
			snapshot := s.fill()
			tr.armed.Store(true)

			var inserted atomic.Int64 // keys from s.n on that are there
			u.gone.Go(func() {
				if c.shrink {
					s.m.Shrink()
					return
				}
				for key := s.n; tr.armed.Load(); key++ { // until the trapped key's shard is full
					s.m.Store(key, s.want(key))
					inserted.Store(int64(key - s.n + 1))
				}
			})
			<-tr.caught
			if !c.shrink {
				u.requireUnhindered(t, 2, func(id int) { s.updateOwn(t, id) })
				s.passSnapshot(u)
			}
			u.requireUnhindered(t, 4, func(id int) {
				for i := range loads() {
					s.requireLoad(t, i, id)
				}
				for key := s.n; key < s.n+int(inserted.Load()); key++ {
					if v, ok := s.m.Load(key); !ok || v != s.want(key) {
						t.Errorf("Load(%d) = %v, %v, want %v", key, v, ok, s.want(key))
					}
				}
				for key := range s.n {
					if v, ok := snapshot.Load(key); !ok || v != s.old(key) {
						t.Errorf("Snapshot.Load(%d) = %v, %v, want %v", key, v, ok, s.old(key))
					}
				}
				if n := s.m.Len(); n < s.n {
					t.Errorf("Len() = %d, want %d or more", n, s.n)
				}
			})
			u.letGo()
			require.Equal(t, s.n+1+int(inserted.Load()), s.m.Len())
			v, ok := s.m.Load(trapped)
			require.True(t, ok)
			require.Equal(t, s.value(0), v)
		})
	}
}

// updateOwn stores keys again that no snapshot shares.
func (s *subject[V]) updateOwn(t *testing.T, id int) {
	for key := 2 * id; key < s.n; key += 4 {
		if v, loaded := s.m.Swap(key, s.want(key)); !loaded || v != s.want(key) {
			t.Errorf("Swap(%d) = %v, %v, want %v", key, v, loaded, s.want(key))
		}
	}
}

// passSnapshot starts somebody who takes a snapshot, and waits until writers have to wait for that.
func (s *subject[V]) passSnapshot(u *holdUp) {
	u.gone.Go(func() { s.m.Snapshot() })
	for s.m.gate.TryLock() {
		s.m.gate.Unlock()
		runtime.Gosched()
	}
}
