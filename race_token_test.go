package shardmap_test

import (
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// Property 3 of the list in race_test.go: what is stored is taken out exactly once.

// A ledger is what one worker knows of the tokens.
type ledger struct {
	stored []int        // tokens that went into the map
	taken  []int        // tokens that came out of it
	doomed map[int]bool // tokens that a DeleteFunc may have deleted
	culled int          // number of tokens that a DeleteFunc has deleted
}

func TestStressEveryTokenIsTakenExactlyOnce(t *testing.T) {
	eachSort(t, testTokens, testTokens, testTokens)
}

func testTokens[V any](t *testing.T, s *stress[V]) {
	const workers = 5
	steps := amount(12000)
	var ledgers [workers]ledger
	s.work(workers, func(id int, rng *rand.Rand) {
		ledgers[id].doomed = make(map[int]bool)
		for i := range steps {
			s.trade(&ledgers[id], rng, rng.IntN(s.keys), id*steps+i)
			waver(rng)
		}
	})
	s.run()

	const in, out = 1, 2
	state := make([]int, workers*steps)
	move := func(token, from, to int, what string) {
		t.Helper()
		if token < 0 || token >= len(state) || state[token] != from {
			t.Fatalf("token %d %s, but was not there, or is for the second time", token, what)
		}
		state[token] = to
	}
	for _, l := range ledgers {
		for _, token := range l.stored {
			move(token, 0, in, "was stored")
		}
	}
	for _, l := range ledgers {
		for _, token := range l.taken {
			move(token, in, out, "was taken out")
		}
	}
	for key, value := range s.m.All() {
		if key < foreign {
			move(s.dec(value), in, out, "is there at the end")
		}
	}
	missing, culled := 0, 0
	for token, where := range state {
		if where != in {
			continue
		}
		missing++
		doomed := false
		for _, l := range ledgers {
			doomed = doomed || l.doomed[token]
		}
		if !doomed {
			t.Errorf("token %d was stored and is lost", token)
		}
	}
	for _, l := range ledgers {
		culled += l.culled
	}
	if missing != culled {
		t.Errorf("DeleteFunc says that it deleted %d tokens, but %d are missing", culled, missing)
	}
}

// trade does one operation that may put the token into the map, and may take others out.
func (s *stress[V]) trade(l *ledger, rng *rand.Rand, key, token int) {
	in := func() { l.stored = append(l.stored, token) }
	out := func(v V) { l.taken = append(l.taken, s.dec(v)) }
	if rng.IntN(200) == 0 { // a map that is exchanged often does not grow
		replaced, ok := s.exchange(key, s.enc(token))
		if ok {
			in()
		}
		for _, v := range replaced {
			out(v)
		}
		return
	}
	switch rng.IntN(40) {
	case 0:
		victim := rng.IntN(16)
		verdicts := make(map[int]int) // by key: the last token that is to go
		n := s.m.DeleteFunc(func(key int, v V) bool {
			delete(verdicts, key)
			if key >= foreign || s.dec(v)%16 != victim {
				return false
			}
			verdicts[key] = s.dec(v)
			return true
		})
		l.culled += n
		for _, token := range verdicts {
			l.doomed[token] = true
		}
	case 1, 2, 3, 4, 5, 6, 7:
		previous, loaded := s.m.Swap(key, s.enc(token))
		in()
		if loaded {
			out(previous)
		}
	case 8, 9, 10, 11, 12:
		if _, loaded := s.m.LoadOrStore(key, s.enc(token)); !loaded {
			in()
		}
	case 13, 14:
		if _, loaded, _ := s.m.LoadOrCompute(key, func() (V, error) { return s.enc(token), nil }); !loaded {
			in()
		}
	case 15, 16, 17, 18, 19, 20:
		if old, ok := s.m.Load(key); ok && s.m.CompareAndSwap(key, old, s.enc(token)) {
			in()
			out(old)
		}
	case 21, 22, 23:
		if old, ok := s.m.Load(key); ok && s.m.CompareAndDelete(key, old) {
			out(old)
		}
	case 24, 25, 26, 27, 28, 29:
		var was V
		var had bool
		op := shardmap.Op(rng.IntN(3))
		s.m.Compute(key, func(old V, loaded bool) (V, shardmap.Op) {
			was, had = old, loaded
			return s.enc(token), op
		})
		if op == shardmap.Set {
			in()
		}
		if op != shardmap.Keep && had {
			out(was)
		}
	default:
		if value, loaded := s.m.LoadAndDelete(key); loaded {
			out(value)
		}
	}
}

// exchange makes one entry the whole content of a Map or an AtomicMap, and returns what it replaced. On an RWMap, which
// has no operation for that, it does nothing.
func (s *stress[V]) exchange(key int, value V) (replaced map[int]V, ok bool) {
	switch m := s.m.(type) {
	case *shardmap.Map[int, V]:
		replaced = m.Replace(func(yield func(int, V) bool) { yield(key, value) }).ToMap()
	case *shardmap.AtomicMap[int, V]:
		m.Update(func(next map[int]V) { // which may run several times
			replaced = maps.Clone(next)
			clear(next)
			next[key] = value
		})
	default:
		return nil, false
	}
	maps.DeleteFunc(replaced, func(key int, _ V) bool { return key >= foreign })
	return replaced, true
}

// TestStressUpdatesThatRaceADeletion is the same for Store, which does not tell what it replaces. Each key gets token
// 1, and then one goroutine stores token 2 there while two delete. If token 1 was deleted, then before token 2 was
// stored. If it was not, the first deletion must have found token 2. In any case token 2 is somewhere.
func TestStressUpdatesThatRaceADeletion(t *testing.T) {
	eachSort(t, testUpdateRacesDeletion, testUpdateRacesDeletion, testUpdateRacesDeletion)
}

func testUpdateRacesDeletion[V any](t *testing.T, s *stress[V]) {
	const deleters = 2
	rounds := amount(max(12000/s.keys, 24))
	updates := []struct {
		name   string
		update func(key int, one, two V) bool // whether it stored two
	}{
		{"Store", func(key int, _, two V) bool { s.m.Store(key, two); return true }},
		{"Swap", func(key int, _, two V) bool { s.m.Swap(key, two); return true }},
		{"CompareAndSwap", func(key int, one, two V) bool { return s.m.CompareAndSwap(key, one, two) }},
		{"Compute", func(key int, _, two V) bool {
			s.m.Compute(key, func(V, bool) (V, shardmap.Op) { return two, shardmap.Set })
			return true
		}},
	}
	one, two := s.enc(1), s.enc(2)
	s.work(1, func(_ int, rng *rand.Rand) {
		for round := range rounds {
			u := updates[round%len(updates)]
			for key := range s.keys {
				s.m.Store(key, one)
			}
			if m, ok := s.m.(*shardmap.Map[int, V]); ok && round%3 == 0 {
				m.Snapshot() // so that entries are shared
			}
			stored := make([]bool, s.keys)
			var deleted [deleters][]int
			var wg sync.WaitGroup
			wg.Go(func() {
				for key := range s.keys {
					stored[key] = u.update(key, one, two)
				}
			})
			for id := range deleters {
				deleted[id] = make([]int, s.keys)
				wg.Go(func() {
					for key := range s.keys {
						if value, loaded := s.m.LoadAndDelete(key); loaded {
							deleted[id][key] = s.dec(value)
						}
					}
				})
			}
			wg.Wait()
			for key := range s.keys {
				times := make(map[int]int)
				for id := range deleters {
					times[deleted[id][key]]++
				}
				if value, ok := s.m.Load(key); ok {
					times[s.dec(value)]++
				}
				wantTwo, mayOne := 0, times[1] == 1
				if stored[key] {
					wantTwo, mayOne = 1, times[1] <= 1
				}
				if u.name == "CompareAndSwap" && stored[key] {
					mayOne = times[1] == 0
				}
				if times[2] != wantTwo || !mayOne || times[0]+times[1]+times[2] < deleters {
					s.failf("%s: key %d: token 1 is there or was deleted %d times, token 2 %d times; it stored: %v", u.name, key, times[1], times[2], stored[key])
				}
			}
		}
	})
	s.run()
}
