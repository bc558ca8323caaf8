// Package trace is the file format of recorded map operations: what a program did to a map, in which order and when, so
// that [mapbench] can do the same to other maps. Package [record] writes traces; this one has the format alone, and
// imports nothing but the standard library.
//
//	r, err := trace.NewReader(file)
//	for err == nil {
//		var b trace.Block
//		if b, err = r.Next(); err == nil {
//			fmt.Println(b.Track, len(b.Ops))
//		}
//	}
//	if err != io.EOF {
//		return err // says what is wrong, and at which offset
//	}
//
// # What is in a trace, and what is not
//
// There is no key and no value in a trace. A key is a number of 64 bits, which whoever records makes by hashing it with a
// secret that is drawn anew for each trace and written nowhere, so that no key can be told from its number, not even by
// somebody who guesses it, nor found again in another trace. What a trace does tell of the data: the name of Go's type of the keys,
// the length of each key in bytes, which operations concern the same key, and when they were. So traces can be
// given away by people who could not give away their data – as far as lengths and times are not secret.
//
// # The format, version 1
//
// A trace is the eight bytes "mapbench", a byte with the version, and blocks. Numbers are varints as in encoding/binary,
// unless said otherwise.
//
//	block:   kind (1 byte: H, D or E), length of the content (varint), content,
//	         CRC-32C of all that (4 bytes, little-endian)
//	H:       first of all and once: the [Header], as JSON
//	D:       operations, compressed by DEFLATE; see below
//	E:       last of all and once: number of operations, number of lost operations (varints)
//
// Operations are in blocks of one track each. A track is a sequence of operations that happened one after another. The content
// of a D block is, after decompression:
//
//	track; lost: how many operations of the track were lost just before this block
//	flags: 1 if the dictionary of keys starts anew with this block
//	n: number of operations, m: number of keys that are new to the dictionary
//	n × operation: kind·8 + outcome (1 byte)
//	m × key: its number (8 bytes, little-endian)
//	m × length of the key
//	for each operation with a key: 0 for the next one of the new keys, or 1 + its place in the dictionary
//	for each operation without one: its count
//	n × time: difference from the operation before, signed, in microseconds; the first from when the recording began
//
// The columns, and the dictionary, which goes on from block to block, are why an operation takes three to five bytes. The
// writer starts the dictionary anew when it holds [MaxKeys], which bounds the memory of both sides.
//
// A reader refuses what does not follow all of this, with the offset of the block; also a file that ends without an E
// block, as it does if the program died before it closed the recorder.
//
// [mapbench]: https://pkg.go.dev/github.com/shardmap-go/shardmap/bench
// [record]: https://pkg.go.dev/github.com/shardmap-go/shardmap/bench/record
package trace
