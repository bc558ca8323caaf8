package trace

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// correctSums returns the file with the checksum of each block put right, as far as there are blocks.
func correctSums(file []byte) []byte {
	file = bytes.Clone(file)
	for at := len(magic) + 1; at < len(file); {
		length, n := binary.Uvarint(file[at+1:])
		sum := at + 1 + n + int(min(length, maxContent))
		if n <= 0 || sum+4 > len(file) {
			break
		}
		binary.LittleEndian.PutUint32(file[sum:], crc32.Checksum(file[at:sum], castagnoli))
		at = sum + 4
	}
	return file
}
