package shardmap

import (
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// The unsafe conversions of this package rest on these layouts.
func TestLayout(t *testing.T) {
	var b bucket
	var p plainBucket
	require.Equal(t, unsafe.Offsetof(b.meta), unsafe.Offsetof(p.meta))
	require.Equal(t, unsafe.Offsetof(b.entries), unsafe.Offsetof(p.entries))
	require.Equal(t, unsafe.Offsetof(b.next), unsafe.Offsetof(p.next))
	require.Equal(t, unsafe.Sizeof(b.entries), unsafe.Sizeof(p.entries))

	require.Equal(t, shardHeader, unsafe.Offsetof(shard1{}.b))
	require.Equal(t, shardHeader, unsafe.Offsetof(shard32{}.b))
	require.Equal(t, uintptr(56), shardHeader)
	require.Equal(t, unsafe.Sizeof(&shard{}), unsafe.Sizeof(atomic.Pointer[shard]{}))
	require.Zero(t, unsafe.Offsetof(entry[string]{}.key))
	require.Zero(t, unsafe.Offsetof(wordEntry[string]{}.key))
	require.Equal(t, uintptr(8), unsafe.Sizeof(atomic.Uint64{}))
	require.Zero(t, unsafe.Offsetof(wordEntry[int32]{}.slot)%8, "64-bit atomics need it on 32-bit machines")
	for _, log2 := range []uint8{0, 2, 4, 5} {
		s := newShard(log2, 0, 0)
		require.Equal(t, 1<<log2, s.buckets())
	}
	require.Equal(t, uintptr(35), uintptr(len(shard32{}.b)))
	require.LessOrEqual(t, unsafe.Sizeof(Map[string, int]{}), uintptr(200))
	if unsafe.Sizeof(uintptr(0)) == 8 {
		require.Equal(t, uintptr(64), bucketSize)
		require.Equal(t, uintptr(24), unsafe.Sizeof(entry[string]{}))
		require.Equal(t, uintptr(128), unsafe.Sizeof(lane{}))
		require.Equal(t, uintptr(2304-8), unsafe.Sizeof(shard32{}), "with the allocator's header, a whole size class")
	}
}
