package core

import "testing"

// TestTransactionsCountOnceTheyAreCommitted stops a transaction at each step, and looks.
func TestTransactionsCountOnceTheyAreCommitted(t *testing.T) {
	c, tx := newContent(0, 0), new(transaction)
	for _, key := range []string{"updated", "deleted"} {
		c.put(key, "old", nil, nil)
	}
	want := func(when string, content map[string]any) {
		t.Helper()
		for _, key := range []string{"updated", "deleted", "added", "absent"} {
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
	before := map[string]any{"updated": "old", "deleted": "old"}
	after := map[string]any{"updated": "new", "added": "new"}
	writes := []Write{{"updated", "new", false}, {"deleted", nil, true}, {"added", "new", false}, {"absent", nil, true}}
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

// TestOfSeveralWritesOfAKeyOneIsMade counts what a transaction does to the index, where each write shows.
func TestOfSeveralWritesOfAKeyOneIsMade(t *testing.T) {
	s, err := New(map[string]IndexFunc{"itself": func(obj any) ([]string, error) { return []string{obj.(string)}, nil }}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"updated", "deleted", "deleted and added"} {
		if err := s.Put(key, "old", Version{}); err != nil {
			t.Fatal(err)
		}
	}
	joined := s.live.stamp
	err = s.Apply([]Write{
		{"updated", "never", false}, {"updated", "new", false}, {"deleted", "never", false}, {"deleted", nil, true},
		{"deleted and added", nil, true}, {"deleted and added", "new", false},
		{"added and deleted", "never", false}, {"added and deleted", nil, true}, {"added and deleted", nil, true},
	}, Version{})
	if err != nil {
		t.Fatal(err)
	}
	if n := s.live.stamp - joined; n != 2 {
		t.Errorf("%d objects have come under new values, want 2", n)
	}
	for key, want := range map[string]any{"updated": "new", "deleted": nil, "deleted and added": "new", "added and deleted": nil} {
		if obj, _ := s.Get(key); obj != want {
			t.Errorf("Get of the key %q shows %v, want %v", key, obj, want)
		}
	}
	if s.live.versions.Len() != 2 || s.live.rows.len != 2 {
		t.Errorf("%d keys and %d rows are left", s.live.versions.Len(), s.live.rows.len)
	}
}
