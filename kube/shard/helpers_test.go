package shard

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// testSeed returns a new seed for random tests, or the one to repeat: SHARDMAP_SEED=<seed> go test -run <test>.
func testSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("SHARDMAP_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SHARDMAP_SEED=%s: %v", s, err)
		}
	}
	t.Logf("SHARDMAP_SEED=%d", seed)
	return seed
}
