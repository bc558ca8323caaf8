package run

import (
	"strconv"
	"testing"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/bench/strategy"
)

func TestReplayDisqualifiesWrongMapsWithTheReason(t *testing.T) {
	program := func() *recording {
		inner := shardmap.New[string, int]()
		inner.Store("start", 1)
		r := newRecording(inner)
		m := r.m.Goroutine()
		for i := range 40 {
			key := strconv.Itoa(i)
			m.Load(key)
			m.Store(key, i)
			m.Load(key)
			m.LoadOrStore(key, i)
			m.Store(key, i+1)
		}
		for i := range 10 {
			m.Delete(strconv.Itoa(i))
			m.Load(strconv.Itoa(i))
			m.LoadOrStore(strconv.Itoa(i), 1)
			m.LoadAndDelete(strconv.Itoa(i))
		}
		m.Range(func(string, int) bool { return true })
		m.Len()
		return r
	}
	for _, c := range []struct {
		name, want string
		spoil      func(m *faulty)
	}{
		{"right", "", func(*faulty) {}},
		{"misses", "Load missed a key that was there", func(m *faulty) {
			miss := nth(30)
			m.load = func(key string) (int, bool) {
				if miss() {
					return 0, false
				}
				return m.Map.Load(key)
			}
		}},
		{"finds", "Load found a key that was not there", func(m *faulty) {
			m.load = func(key string) (int, bool) { v, _ := m.Map.Load(key); return v, true }
		}},
		{"old-values", "Load returned a value that is not the last one stored", func(m *faulty) {
			m.load = func(key string) (int, bool) { v, ok := m.Map.Load(key); return v + 1<<32, ok }
		}},
		{"loses", "Load missed a key that was there", func(m *faulty) {
			lose := nth(20)
			m.store = func(key string, value int) {
				if !lose() {
					m.Map.Store(key, value)
				}
			}
		}},
		{"loses-last", "1 of 31 entries have a value that is not the last one stored", func(m *faulty) {
			lose := nth(81) // the start, and two each
			m.store = func(key string, value int) {
				if !lose() {
					m.Map.Store(key, value)
				}
			}
		}},
		{"stores-anyway", "LoadOrStore missed a key that was there", func(m *faulty) {
			m.loadOrStore = func(key string, value int) (int, bool) { m.Map.Store(key, value); return value, false }
		}},
		{"keeps-deleted", "Load found a key that was not there", func(m *faulty) { m.remove = func(string) {} }},
		{"len", "Len showed 32 entries of 31", func(m *faulty) { m.len = func() int { return m.Map.Len() + 1 } }},
		{"range", "Range showed 30 entries of 31", func(m *faulty) {
			m.visit = func(f func(string, int) bool) {
				skip := true
				m.Map.Range(func(key string, value int) bool {
					if skip {
						skip = false
						return true
					}
					return f(key, value)
				})
			}
		}},
		{"panics", "panicked: a bug", func(m *faulty) {
			bug := nth(50)
			m.store = func(key string, value int) {
				if bug() {
					panic("a bug")
				}
				m.Map.Store(key, value)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := program().replay(t)
			r := p.Run(t.Context(), []strategy.Strategy{faultyStrategy(c.name, c.spoil)}, 0, Options{Rounds: 1, Seed: 1})
			s := r.Strategies[0]
			if s.Disqualified != c.want || s.Measured() != (c.want == "") {
				t.Errorf("%+v, want disqualified because %q", s, c.want)
			}
		})
	}
}

// What nothing in the trace looks at is looked at in the end.
func TestReplayFindsWrongContentAtTheEnd(t *testing.T) {
	for _, c := range []struct {
		want  string
		spoil func(m *faulty)
	}{
		{"Len says 41, but there are 40 entries", func(m *faulty) { m.len = func() int { return m.Map.Len() + 1 } }},
		{"Range showed 40 entries twice", func(m *faulty) {
			m.visit = func(f func(string, int) bool) { m.Map.Range(f); m.Map.Range(f) }
		}},
		{"Range showed 0 of 40 entries", func(m *faulty) { m.visit = func(func(string, int) bool) {} }},
		{"Range showed 40 entries that Load does not show", func(m *faulty) {
			m.visit = func(f func(string, int) bool) {
				m.Map.Range(func(key string, value int) bool { return f(key, value+1<<32) })
			}
		}},
		{"10 entries are there although they were deleted", func(m *faulty) { m.remove = func(string) {} }},
	} {
		r := newRecording(shardmap.New[string, int]())
		m := r.m.Goroutine()
		for i := range 50 {
			m.Store(strconv.Itoa(i), i)
		}
		for i := range 10 {
			m.Delete(strconv.Itoa(i))
		}
		result := r.replay(t).Run(t.Context(), []strategy.Strategy{faultyStrategy("wrong", c.spoil)}, 0, Options{Rounds: 1, Seed: 1})
		if s := result.Strategies[0]; s.Disqualified != c.want {
			t.Errorf("%+v, want disqualified because %q", s, c.want)
		}
	}
}
