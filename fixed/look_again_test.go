//go:build !race

package fixed

import "testing"

// Between the two looks of LoadOrStore, under the lock for reading and under that for writing, another inserts the key. The
// test does so with the lock for reading, which is safe because it knows where LoadOrStore is, but not by rules that the
// race detector knows.
func TestLoadOrStoreLooksAgainBeforeItInserts(t *testing.T) {
	m := New[int, int](4, WithShards(1))
	at, _ := m.locate(7)
	s := &m.shards[at.shard]
	s.mu.RLock() // lets LoadOrStore look, but not store
	type result struct {
		actual int
		loaded bool
	}
	stored := make(chan result)
	go func() {
		actual, loaded, _ := m.LoadOrStore(7, 1)
		stored <- result{actual, loaded}
	}()
	waitUntilBlocked(t, `fixed\.\(\*Map\[.*LoadOrStore\(`)
	if err := m.insert(s, at, 7, 2); err != nil {
		t.Error(err)
	}
	s.mu.RUnlock()
	if got := <-stored; got != (result{2, true}) || m.Len() != 1 {
		t.Errorf("LoadOrStore = %v; Len %d", got, m.Len())
	}
}
