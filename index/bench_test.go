package index

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// The benchmarks compare an indexed Map with what people use today: a store behind one RWMutex, with a Go map of sets for
// each index, written after client-go's ThreadSafeStore; and a scan of everything for each question.
//
//	go test -run '^$' -bench . ./index

type pod struct {
	node   int
	labels [2]int
}

type podKey struct{ namespace, name string }

const benchPods = 10_000

// lockedStore is a store after client-go's thread_safe_store.go.
type lockedStore struct {
	mu      sync.RWMutex
	items   map[podKey]*pod
	indices []map[int]map[podKey]struct{}
	fns     []func(podKey, *pod) []int
}

func newLockedStore(fns ...func(podKey, *pod) []int) *lockedStore {
	s := &lockedStore{items: map[podKey]*pod{}, fns: fns}
	for range fns {
		s.indices = append(s.indices, map[int]map[podKey]struct{}{})
	}
	return s
}

func (s *lockedStore) Load(key podKey) (*pod, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, ok := s.items[key]
	return p, ok
}

func (s *lockedStore) Store(key podKey, p *pod) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.items[key]
	s.items[key] = p
	for i, fn := range s.fns {
		if old != nil {
			for _, ik := range fn(key, old) {
				delete(s.indices[i][ik], key)
				if len(s.indices[i][ik]) == 0 {
					delete(s.indices[i], ik)
				}
			}
		}
		for _, ik := range fn(key, p) {
			if s.indices[i][ik] == nil {
				s.indices[i][ik] = map[podKey]struct{}{}
			}
			s.indices[i][ik][key] = struct{}{}
		}
	}
}

// ByIndex returns the items as a list, as client-go does: under the lock there is nothing else one could do with them.
func (s *lockedStore) ByIndex(i, ik int) []*pod {
	s.mu.RLock()
	defer s.mu.RUnlock()
	set := s.indices[i][ik]
	list := make([]*pod, 0, len(set))
	for key := range set {
		list = append(list, s.items[key])
	}
	return list
}

func podByNode(_ podKey, p *pod) []int  { return []int{p.node} }
func podByLabel(_ podKey, p *pod) []int { return p.labels[:] }

// randomPod returns a pod on one of so many nodes.
func randomPod(rng *rand.Rand, nodes int) *pod {
	return &pod{rng.IntN(nodes), [2]int{rng.IntN(50), 50 + rng.IntN(50)}}
}

// A contender is one way to keep the pods.
type contender struct {
	name   string
	load   func(key podKey) (*pod, bool)
	store  func(key podKey, p *pod)
	ofNode func(node int) int // visits the pods of a node, and returns their number
}

func contenders() []contender {
	locked := newLockedStore(podByNode, podByLabel)
	var plain shardmap.Map[podKey, *pod]
	var m Map[podKey, *pod]
	byNode := Add(&m, "node", podByNode)
	Add(&m, "label", podByLabel)
	return []contender{
		{"index", m.Load, m.Store, func(node int) (n int) {
			for range byNode.Get(node).Values() {
				n++
			}
			return n
		}},
		{"clientgo", locked.Load, locked.Store, func(node int) int { return len(locked.ByIndex(0, node)) }},
		{"scan", plain.Load, plain.Store, func(node int) (n int) {
			for _, p := range plain.All() {
				if p.node == node {
					n++
				}
			}
			return n
		}},
	}
}

func benchKeys() []podKey {
	keys := make([]podKey, benchPods)
	for i := range keys {
		keys[i] = podKey{fmt.Sprint("namespace-", i%20), fmt.Sprint("pod-", i)}
	}
	return keys
}

// eachContender runs f for each, filled, with so many nodes.
func eachContender(b *testing.B, op string, nodes int, f func(b *testing.B, c contender, keys []podKey)) {
	for _, c := range contenders() {
		b.Run(fmt.Sprintf("impl=%s/op=%s/n=%d/nodes=%d", c.name, op, benchPods, nodes), func(b *testing.B) {
			rng, keys := rand.New(rand.NewPCG(1, 2)), benchKeys()
			for _, key := range keys {
				c.store(key, randomPod(rng, nodes))
			}
			runtime.GC()
			b.ReportAllocs()
			b.ResetTimer()
			f(b, c, keys)
		})
	}
}

var sink atomic.Int64

func BenchmarkPods(b *testing.B) {
	eachContender(b, "load", 500, func(b *testing.B, c contender, keys []podKey) {
		for i := range b.N {
			c.load(keys[i*31%benchPods])
		}
	})
	eachContender(b, "store", 500, func(b *testing.B, c contender, keys []podKey) {
		rng := rand.New(rand.NewPCG(3, 4))
		for i := range b.N {
			c.store(keys[i*31%benchPods], randomPod(rng, 500))
		}
	})
	for _, nodes := range []int{10, 500} {
		eachContender(b, "find", nodes, func(b *testing.B, c contender, _ []podKey) {
			n := 0
			for i := range b.N {
				n += c.ofNode(i % nodes)
			}
			sink.Add(int64(n))
		})
	}
	eachContender(b, "mix", 500, func(b *testing.B, c contender, keys []podKey) {
		var seed atomic.Uint64
		b.RunParallel(func(pb *testing.PB) {
			rng := rand.New(rand.NewPCG(5, seed.Add(1)))
			n := 0
			for i := rng.IntN(benchPods); pb.Next(); i++ {
				switch key := keys[i*31%benchPods]; {
				case i%20 == 0: // 5 % writes, 15 % questions, 80 % loads
					c.store(key, randomPod(rng, 500))
				case i%20 < 4:
					n += c.ofNode(i % 500)
				default:
					c.load(key)
				}
			}
			sink.Add(int64(n))
		})
	})
}

// BenchmarkGet asks for a set without visiting it.
func BenchmarkGet(b *testing.B) {
	for _, size := range []int{1, 100, 100_000} {
		b.Run(fmt.Sprintf("op=get/size=%d", size), func(b *testing.B) {
			m, ix := oneSet(size)
			b.ReportAllocs()
			for range b.N {
				if ix.Get(0).Len() != size {
					b.Fatal("the set is not complete")
				}
			}
			runtime.KeepAlive(m)
		})
	}
}

// BenchmarkWriteInOneSet updates, moves and deletes entries of one index key.
func BenchmarkWriteInOneSet(b *testing.B) {
	for _, size := range []int{1, 100, 10_000, 100_000} {
		m, _ := oneSet(size)
		for _, op := range []string{"update", "churn"} {
			b.Run(fmt.Sprintf("op=%s/size=%d", op, size), func(b *testing.B) {
				b.ReportAllocs()
				for i := range b.N {
					if op == "update" {
						m.Store(i*7919%size, i)
					} else {
						m.Store(size+i, i)
						m.Delete(size + i)
					}
				}
			})
		}
	}
}

func oneSet(size int) (*Map[int, int], *Index[int, int, int]) {
	m := New[int, int]()
	ix := Add(m, "one", func(int, int) []int { return []int{0} })
	for i := range size {
		m.Store(i, i)
	}
	return m, ix
}

func BenchmarkSnapshot(b *testing.B) {
	for _, size := range []int{10, 10_000, 100_000} {
		b.Run(fmt.Sprintf("indexes=3/n=%d", size), func(b *testing.B) {
			m, _ := oneSet(size)
			Add(m, "two", func(key, _ int) []int { return []int{key % 100} })
			Add(m, "three", func(key, _ int) []int { return []int{key} })
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				m.Snapshot()
			}
		})
	}
}

func BenchmarkAdd(b *testing.B) {
	m, _ := oneSet(10_000)
	for i := range b.N {
		Add(m, fmt.Sprint(i), func(key, _ int) []int { return []int{key % 100} }).Drop()
	}
}

// BenchmarkOwners finds what an owner owns among 10,000 objects of 1,000 owners: by Owners, and by looking at all objects.
func BenchmarkOwners(b *testing.B) {
	const objects, owners = 10_000, 1000
	var r Owners[int, podKey]
	ownerOf := shardmap.New[podKey, int]()
	for i, key := range benchKeys() {
		r.Link(i%owners, key)
		ownerOf.Store(key, i%owners)
	}
	for name, owned := range maps.All(map[string]func(owner int) int{
		"index": func(owner int) (n int) {
			for range r.OwnedBy(owner) {
				n++
			}
			return n
		},
		"scan": func(owner int) (n int) {
			for _, o := range ownerOf.All() {
				if o == owner {
					n++
				}
			}
			return n
		},
	}) {
		b.Run(fmt.Sprintf("impl=%s/op=ownedBy/n=%d", name, objects), func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				if n := owned(i % owners); n != objects/owners {
					b.Fatalf("owner %d owns %d objects", i%owners, n)
				}
			}
		})
	}
	keys := benchKeys()[:10]
	b.Run("impl=index/op=link10,dropOwner", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			for _, key := range keys {
				r.Link(-1, key)
			}
			r.DropOwner(-1)
		}
	})
}
