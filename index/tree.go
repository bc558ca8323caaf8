package index

// A tree is an immutable set of entries: the content of a bucket. A change makes a new tree, which shares with the old
// one all but the nodes between the root and one leaf – about four for 1,000 entries and six for 100,000. An entry's
// place is given by the bits of its hash, three at each level, the lowest first. A leaf that outgrows leafMax entries
// becomes a branch; a branch that shrinks to leafMin becomes a leaf. The empty tree is nil, so a tree of one entry is
// one leaf.

const (
	levelBits = 3
	fanout    = 1 << levelBits

	// The larger leaves are, the fewer nodes there are to copy and the more there is to copy of the last one. Chosen by
	// hand, not measured. leafMin is half of leafMax so that a set which wavers is not rebuilt each time.
	leafMax = 16
	leafMin = leafMax / 2
)

// node is a tree, and each of its subtrees.
type node[K comparable, V any] struct {
	size int
	leaf []*entry[K, V]       // in a leaf
	kids *[fanout]*node[K, V] // in a branch; nil in a leaf
}

// branch is a node with its kids, in one piece of memory.
type branch[K comparable, V any] struct {
	node[K, V]
	array [fanout]*node[K, V]
}

// newBranch returns a branch whose kids are to be filled in.
func newBranch[K comparable, V any](size int) *node[K, V] {
	b := &branch[K, V]{node: node[K, V]{size: size}}
	b.kids = &b.array
	return &b.node
}

// len returns the number of entries.
func (n *node[K, V]) len() int {
	if n == nil {
		return 0
	}
	return n.size
}

// exchange returns the tree with next in the place of old, which is in the tree and has the same key. One of the two may
// be nil: then it is an insertion or a removal.
func (n *node[K, V]) exchange(old, next *entry[K, V]) *node[K, V] {
	if next == nil {
		return n.replace(old.hash, 0, old, next)
	}
	return n.replace(next.hash, 0, old, next)
}

// replace is exchange for the subtree n, to which the first shift bits of hash lead.
func (n *node[K, V]) replace(hash uint64, shift uint, old, next *entry[K, V]) *node[K, V] {
	if n == nil || n.kids == nil {
		return n.replaceInLeaf(shift, old, next)
	}
	at := hash >> shift % fanout
	kid := n.kids[at].replace(hash, shift+levelBits, old, next)
	changed := newBranch[K, V](n.size - n.kids[at].len() + kid.len())
	*changed.kids = *n.kids
	changed.kids[at] = kid
	if changed.size > leafMin {
		return changed
	}
	leaf := make([]*entry[K, V], 0, changed.size)
	for e := range changed.entries {
		leaf = append(leaf, e)
	}
	return newLeaf(leaf)
}

func (n *node[K, V]) replaceInLeaf(shift uint, old, next *entry[K, V]) *node[K, V] {
	leaf := make([]*entry[K, V], 0, n.len()+1)
	if n != nil {
		for _, e := range n.leaf {
			if e != old {
				leaf = append(leaf, e)
			}
		}
	}
	if next != nil {
		leaf = append(leaf, next)
	}
	if len(leaf) <= leafMax || shift >= 64 { // 17 keys with one hash of 64 bits: no reason to fail
		return newLeaf(leaf)
	}
	b := newBranch[K, V](len(leaf))
	for _, e := range leaf {
		kid := &b.kids[e.hash>>shift%fanout]
		*kid = (*kid).replace(e.hash, shift+levelBits, nil, e)
	}
	return b
}

// newLeaf returns the tree with these entries, which nobody changes any more.
func newLeaf[K comparable, V any](entries []*entry[K, V]) *node[K, V] {
	if len(entries) == 0 {
		return nil
	}
	return &node[K, V]{size: len(entries), leaf: entries}
}

// find returns the entry of key, whose hash is given, or nil.
func (n *node[K, V]) find(hash uint64, key K) *entry[K, V] {
	for shift := uint(0); n != nil && n.kids != nil; shift += levelBits {
		n = n.kids[hash>>shift%fanout]
	}
	if n != nil {
		for _, e := range n.leaf {
			if e.key == key {
				return e
			}
		}
	}
	return nil
}

// entries calls yield with each entry until it returns false.
func (n *node[K, V]) entries(yield func(*entry[K, V]) bool) { n.walk(yield) }

// walk is entries, and reports whether yield always returned true.
func (n *node[K, V]) walk(yield func(*entry[K, V]) bool) bool {
	if n == nil {
		return true
	}
	for _, e := range n.leaf {
		if !yield(e) {
			return false
		}
	}
	if n.kids != nil {
		for _, kid := range n.kids {
			if !kid.walk(yield) {
				return false
			}
		}
	}
	return true
}
