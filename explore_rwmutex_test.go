//go:build explore

package shardmap

import (
	"testing"

	"github.com/shardmap-go/shardmap/internal/sched/atomic"
)

// A writer that holds the lock is alone; readers are among themselves.
func TestExploreRWMutex(t *testing.T) {
	const writer = 1000
	explore(t, func() meeting {
		h := &history{initial: content{}}
		var m rwMutex
		var inside atomic.Int32
		write := func() {
			m.Lock()
			if inside.Add(writer) != writer {
				h.broken = "a writer is not alone"
			}
			inside.Add(-writer)
			m.Unlock()
		}
		read := func() {
			m.RLock()
			if inside.Add(1) >= writer {
				h.broken = "a reader meets a writer"
			}
			inside.Add(-1)
			m.RUnlock()
		}
		return meeting{h, []func(){func() { write(); read() }, func() { read(); write() }, read}, func() {}}
	})
}
