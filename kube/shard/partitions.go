package shard

import (
	"encoding/hex"
	"fmt"
	"iter"
	"math/bits"
	"strings"

	"github.com/cespare/xxhash/v2"
	"k8s.io/apimachinery/pkg/types"
)

// maxPartitions bounds Options.Partitions, so that a set of partitions is four words.
const maxPartitions = 256

// A set is a set of partitions, as a bitmap. It is a value: methods return the changed set.
type set [maxPartitions / 64]uint64

// firstN returns the set of the partitions below n.
func firstN(n int) (s set) {
	for p := range n {
		s = s.with(p)
	}
	return s
}

func (s set) has(p int) bool { return s[p/64]&(1<<(p%64)) != 0 }

func (s set) with(p int) set {
	s[p/64] |= 1 << (p % 64)
	return s
}

func (s set) without(p int) set {
	s[p/64] &^= 1 << (p % 64)
	return s
}

func (s set) union(t set) set {
	for i := range s {
		s[i] |= t[i]
	}
	return s
}

func (s set) intersect(t set) set {
	for i := range s {
		s[i] &= t[i]
	}
	return s
}

func (s set) minus(t set) set {
	for i := range s {
		s[i] &^= t[i]
	}
	return s
}

func (s set) isEmpty() bool { return s == set{} }

// all yields the members in ascending order.
func (s set) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, word := range s {
			for ; word != 0; word &= word - 1 {
				if !yield(i*64 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}

// list returns the members in ascending order.
func (s set) list() (members []int) {
	for p := range s.all() {
		members = append(members, p)
	}
	return members
}

// encode returns the set in hexadecimal, for sets below n: partition p is bit p%8 of byte p/8.
func (s set) encode(n int) string {
	b := make([]byte, (n+7)/8)
	for p := range s.all() {
		b[p/8] |= 1 << (p % 8)
	}
	return hex.EncodeToString(b)
}

// decodeSet is the inverse of encode. A set below more than maxPartitions has to be one below that many.
func decodeSet(text string, n int) (s set, err error) {
	b, err := hex.DecodeString(text)
	if err != nil {
		return s, err
	}
	if n < 1 || len(b) != (n+7)/8 {
		return s, fmt.Errorf("%d bytes for %d partitions", len(b), n)
	}
	for p := range len(b) * 8 {
		if b[p/8]&(1<<(p%8)) == 0 {
			continue
		}
		if p >= min(n, maxPartitions) {
			return set{}, fmt.Errorf("partition %d of %d", p, n)
		}
		s = s.with(p)
	}
	return s, nil
}

// partitionOf returns the partition of a key, one of n. The hash function is part of the scheme that replicas tell one
// another, so that replicas that differ in it do not take each other's numbers for theirs.
func partitionOf(key types.NamespacedName, n int) int {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.WriteString(key.Namespace) // a Digest never fails
	_, _ = d.WriteString("/")           // in no name
	_, _ = d.WriteString(key.Name)
	return int(d.Sum64() % uint64(n))
}

// schemeOf names how keys become one of n partitions.
func schemeOf(n int) string { return fmt.Sprintf("xxh64/%d", n) }

// wins returns the partitions below n that self is to own when there are these others: those for which it has the
// highest hash of all (rendezvous hashing), so that a replica that comes or goes moves no partition between the others.
func wins(self record, others []record, n int) (s set) {
	for p := range n {
		mine, won := weight(p, self.identity), true
		for _, o := range others {
			theirs := weight(p, o.identity)
			if theirs > mine || theirs == mine && strings.Compare(o.name, self.name) > 0 {
				won = false
				break
			}
		}
		if won {
			s = s.with(p)
		}
	}
	return s
}

func weight(p int, identity string) uint64 {
	var space [64]byte
	return xxhash.Sum64(append(append(space[:0], byte(p), byte(p>>8)), identity...))
}
