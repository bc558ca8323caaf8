package core

import "testing"

// TestTransactionsCountOnceTheyAreCommitted stops a transaction at each step, and looks.
func TestTransactionsCountOnceTheyAreCommitted(t *testing.T) {
	c, tx := newContent(0, 0), new(transaction)
	for _, key := range []string{"updated", "deleted", "deleted and added"} {
		c.put(key, "old", nil, nil)
	}
	want := func(when string, content map[string]any) {
		t.Helper()
		for _, key := range []string{"updated", "deleted", "deleted and added", "added", "added and deleted"} {
			v, ok := c.versions.Load(key)
			var obj any
			if ok {
				obj, ok = v.get()
			}
			if wanted, there := content[key]; obj != wanted || ok != there {
				t.Errorf("%s: Get of the key %q shows %v, %v", when, key, obj, ok)
			}
		}
	}
	before := map[string]any{"updated": "old", "deleted": "old", "deleted and added": "old"}
	after := map[string]any{"updated": "new", "deleted and added": "new", "added": "new"}
	writes := []Write{
		{"updated", "never", false}, {"updated", "new", false}, {"deleted", nil, true},
		{"deleted and added", nil, true}, {"deleted and added", "new", false}, {"added", "new", false},
		{"added and deleted", "never", false}, {"added and deleted", nil, true}, {"added and deleted", nil, true},
	}
	for _, w := range writes {
		if w.Delete {
			c.remove(w.Key, tx)
		} else {
			c.put(w.Key, w.Object, nil, tx)
		}
		want("before the commit", before)
	}
	tx.committed.Store(true)
	want("after the commit", after)
	for _, w := range writes {
		c.settle(w.Key)
		want("while keys are settled", after)
	}
	if c.versions.Len() != len(after) || c.rows.len != len(after) {
		t.Errorf("%d keys and %d rows are left of %d", c.versions.Len(), c.rows.len, len(after))
	}
}
