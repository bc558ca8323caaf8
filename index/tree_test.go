package index

import (
	"maps"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"testing"
)

// TestTreesAgreeWithAModelAndNeverChange walks through random exchanges, with hashes that tell keys apart and with hashes
// that hardly or never do, and looks at every tree again after later ones were made from it.
func TestTreesAgreeWithAModelAndNeverChange(t *testing.T) {
	seed := testSeed(t)
	for name, hash := range map[string]func(key int) uint64{
		"good":  func(key int) uint64 { return hashOf(key) },
		"few":   func(key int) uint64 { return uint64(key % 3) },
		"equal": func(int) uint64 { return 42 },
		"top":   func(key int) uint64 { return uint64(key) << 59 },
	} {
		t.Run("hash="+name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			type pair struct {
				tree  *node[int, int]
				model map[int]*entry[int, int]
			}
			now, history := pair{model: map[int]*entry[int, int]{}}, []pair{}
			for step := range amount(6000) {
				// The number of keys rises and falls, so that leaves become branches, and leaves again.
				key := rng.IntN(40 + step%400)
				old := now.model[key]
				var next *entry[int, int]
				if rng.IntN(800) > step%800 {
					next = &entry[int, int]{key: key, value: step, hash: hash(key)}
				}
				if old == nil && next == nil {
					continue
				}
				now = pair{now.tree.exchange(old, next), maps.Clone(now.model)}
				if now.model[key] = next; next == nil {
					delete(now.model, key)
				}
				if step%200 == 0 {
					history = append(history, now)
				}
				requireTree(t, now.tree, 0, 0)
			}
			for _, p := range append(history, now) {
				got := map[int]*entry[int, int]{}
				for e := range p.tree.entries {
					got[e.key] = e
				}
				if !maps.Equal(got, p.model) || p.tree.len() != len(got) {
					t.Fatalf("a tree holds %d entries (len %d), want %d", len(got), p.tree.len(), len(p.model))
				}
				for key := range 500 {
					if got := p.tree.find(hash(key), key); got != p.model[key] {
						t.Fatalf("find(%d) = %v, want %v", key, got, p.model[key])
					}
				}
				for key, e := range p.model {
					if p.tree = p.tree.exchange(e, nil); p.tree.find(e.hash, key) != nil {
						t.Fatalf("key %d is found after its removal", key)
					}
				}
				if p.tree != nil {
					t.Fatalf("a tree from which everything was removed is %v, want nil", p.tree)
				}
			}
		})
	}
}

// requireTree demands that n, to which the first shift bits of hash lead, is well formed.
func requireTree(t *testing.T, n *node[int, int], hash uint64, shift uint) {
	if n == nil {
		return
	}
	for _, e := range n.leaf {
		if mask := uint64(1)<<min(shift, 63) - 1; e.hash&mask != hash&mask {
			t.Fatalf("an entry with hash %x is in the subtree %x at bit %d", e.hash, hash, shift)
		}
	}
	if n.kids == nil {
		if len(n.leaf) != n.size || n.size == 0 || n.size > leafMax && shift < bits.UintSize {
			t.Fatalf("a leaf at bit %d of size %d has %d entries", shift, n.size, len(n.leaf))
		}
		return
	}
	sum := 0
	for i, kid := range n.kids {
		requireTree(t, kid, hash|uint64(i)<<shift, shift+levelBits)
		sum += kid.len()
	}
	if n.leaf != nil || sum != n.size || n.size <= leafMin {
		t.Fatalf("a branch of size %d has %d entries below it and %d in itself", n.size, sum, len(n.leaf))
	}
}

// TestAWriteCopiesNoLargeSet counts what a write allocates when its index key has 100,000 entries. A copy of the set's
// pointers alone would be 800,000 bytes.
func TestAWriteCopiesNoLargeSet(t *testing.T) {
	entries := amount(100_000)
	var m Map[int, int]
	ix := Add(&m, "all", func(int, int) []string { return []string{"all"} })
	for i := range entries {
		m.Store(i, i)
	}
	var before, after runtime.MemStats
	const writes = 3000
	runtime.ReadMemStats(&before)
	for i := range writes / 3 {
		m.Store(i*97%entries, -i)
		m.Store(entries+i, i)
		m.Delete(entries + i)
	}
	runtime.ReadMemStats(&after)
	if perWrite := (after.TotalAlloc - before.TotalAlloc) / writes; perWrite > 4000 || ix.Len("all") != entries {
		t.Errorf("a write among %d entries of an index key allocates %d bytes", ix.Len("all"), perWrite)
	} else {
		t.Logf("%d bytes per write", perWrite)
	}
}
