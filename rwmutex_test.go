package shardmap

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Writers exclude everybody, readers only writers. Run with -race: the counter is not atomic.
func TestRWMutex(t *testing.T) {
	const rounds = 20_000
	var mu rwMutex
	var group sync.WaitGroup
	counter, copyOfCounter := 0, 0
	for range 4 {
		group.Go(func() {
			for i := range rounds {
				if i%2 == 0 || !mu.TryLock() {
					mu.Lock()
				}
				counter++
				copyOfCounter++
				mu.Unlock()
			}
		})
	}
	for range 4 {
		group.Go(func() {
			for range rounds {
				mu.RLock()
				a, b := counter, copyOfCounter
				mu.RUnlock()
				if a != b {
					t.Errorf("a reader saw a writer half-way: %d and %d", a, b)
					return
				}
			}
		})
	}
	group.Wait()
	require.Equal(t, 4*rounds, counter)
}

func TestRWMutexReadersShare(t *testing.T) {
	var mu rwMutex
	mu.RLock()
	mu.RLock()
	writer := make(chan struct{})
	go func() {
		mu.Lock()
		close(writer)
	}()
	mu.RUnlock()
	select {
	case <-writer:
		t.Fatal("a writer got in beside a reader")
	default:
	}
	mu.RUnlock()
	<-writer
	require.False(t, mu.TryLock())
	mu.Unlock()
	require.True(t, mu.TryLock())
	mu.Unlock()
}
