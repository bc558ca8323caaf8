package index

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// The stress tests. They run goroutines that get in each other's way as much as possible, best with -race, and verify
// these properties:
//
//  1. What an index finds carries the index key: every entry that Get shows says so itself.
//  2. What carries an index key is found: an entry that never stops carrying one is in every set of it.
//  3. A set is one instant: of writes that happen one after another, by one goroutine or by several that take turns, Get
//     shows a prefix; and so does a snapshot, in the entries and in all indexes alike.
//  4. Reads never go back, whichever way they go – Load, one index, another, a snapshot, iteration.
//  5. A snapshot is in step: each of its indexes is what its entries make of it.
//  6. An index that is added while others write is complete and in step when Add returns, and one that is dropped
//     leaves the others in step.
//  7. DeleteAll is one instant: nobody sees a part of what it deletes gone.
//  8. Clear and Replace are one instant for the entries and all indexes.
//  9. No update is lost: increments by Compute and CompareAndSwap add up, while entries move between index keys.
// 10. When all entries are gone, so are all index keys.
//
// All are bounded by work, not by time. The seed is printed; with it the goroutines do the same again, though not in the
// same order.

// inStepOf reports the first of the four indexes of a snapshot that is out of step.
func inStepOf(s *Snapshot[int, item], group *Index[int, item, int], tag *Index[int, item, string],
	rare *Index[int, item, bool], pairs *Index[int, item, [2]int]) error {
	entries := maps.Collect(s.All())
	if s.Len() != len(entries) {
		return fmt.Errorf("Len() = %d, and All shows %d", s.Len(), len(entries))
	}
	if err := outOfStep(entries, byGroup, group.At(s).All()); err != nil {
		return err
	}
	if err := outOfStep(entries, byTag, tag.At(s).All()); err != nil {
		return err
	}
	if err := outOfStep(entries, rarely, rare.At(s).All()); err != nil {
		return err
	}
	return outOfStep(entries, byMany, pairs.At(s).All())
}

// Properties 1, 5, 6 and 10.
func TestStressIndexesAreInStep(t *testing.T) {
	c := newCrew(t)
	var m Map[int, item]
	group, tag := Add(&m, "group", byGroup), Add(&m, "tag", byTag)
	rare, pairs := Add(&m, "rare", rarely), Add(&m, "pairs", byMany)
	c.work(4, func(id int, rng *rand.Rand) {
		for range amount(3000) {
			w := walker{rng: rng}
			switch key := rng.IntN(60); rng.IntN(12) {
			case 0:
				m.Delete(key)
			case 1:
				m.LoadOrStore(key, randomItem(rng))
			case 2:
				old, _ := m.Load(key)
				m.CompareAndSwap(key, old, randomItem(rng))
			case 3:
				old, _ := m.Load(key)
				m.CompareAndDelete(key, w.maybe(old))
			case 4:
				m.Compute(key, func(old item, _ bool) (item, shardmap.Op) {
					old.group = (old.group + 1) % 5
					return old, shardmap.Set
				})
			case 5:
				if rng.IntN(20) == 0 {
					group.DeleteAll(rng.IntN(5))
				}
			case 6:
				if rng.IntN(100) == 0 {
					m.Replace(maps.All(map[int]item{key: randomItem(rng), key + 1: randomItem(rng)}))
				}
			default:
				m.Store(key, randomItem(rng))
			}
			waver(rng)
		}
	})
	c.help(1, func(rng *rand.Rand) {
		g := rng.IntN(5)
		for key, it := range group.Get(g).All() {
			if it.group != g {
				c.failf("group %d finds %d, whose group is %d", g, key, it.group)
			}
		}
		for ik, set := range tag.All() {
			for key, it := range set.All() {
				if !slices.Contains(byTag(key, it), ik) {
					c.failf("tag %s finds %d, whose tags are %b", ik, key, it.tags)
				}
			}
		}
	})
	c.help(1, func(*rand.Rand) {
		if err := inStepOf(m.Snapshot(), group, tag, rare, pairs); err != nil {
			c.failf("a snapshot is out of step: %v", err)
		}
	})
	c.help(1, func(rng *rand.Rand) {
		name := "temporary"
		ix := Add(&m, name, byTag)
		s := m.Snapshot()
		if err := outOfStep(maps.Collect(s.All()), byTag, ix.At(s).All()); err != nil {
			c.failf("an index that was just added is out of step: %v", err)
		}
		waver(rng)
		ix.Drop()
	})
	c.run()
	requireInStep(t, "at the end", maps.Collect(m.All()), byMany, pairs.All())
	m.DeleteFunc(func(int, item) bool { return true })
	if n := m.Len() + group.NumKeys() + tag.NumKeys() + rare.NumKeys() + pairs.NumKeys(); n != 0 {
		t.Errorf("an empty map has %d entries and index keys", n)
	}
}

// Property 2.
func TestStressWhatCarriesAnIndexKeyIsFound(t *testing.T) {
	const entries = 40
	c := newCrew(t)
	var m Map[int, item]
	group, tag := Add(&m, "group", byGroup), Add(&m, "tag", byTag)
	for key := range entries {
		m.Store(key, item{tags: 1})
	}
	c.work(3, func(_ int, rng *rand.Rand) {
		for range amount(8000) {
			it := randomItem(rng)
			it.tags |= 1
			m.Store(rng.IntN(entries), it)
			m.Store(entries+rng.IntN(5), item{tags: it.tags &^ 1}) // never found by this tag
			waver(rng)
		}
	})
	c.help(1, func(*rand.Rand) {
		if set := tag.Get("0"); set.Len() != entries || len(maps.Collect(set.All())) != entries {
			c.failf("Get finds %d of %d entries: %v", set.Len(), entries, maps.Collect(set.All()))
		}
	})
	c.help(1, func(*rand.Rand) {
		s := m.Snapshot()
		inGroups := 0
		for _, set := range group.At(s).All() {
			inGroups += set.Len()
		}
		if tag.At(s).Len("0") != entries || inGroups != s.Len() {
			c.failf("a snapshot finds %d of %d entries by tag, %d of %d by group", tag.At(s).Len("0"), entries, inGroups, s.Len())
		}
	})
	c.run()
}

// requirePrefix demands that rounds[i], the round in which entry i was last written, is that of a moment in writes that
// go round and round: first entry 0, then 1, and so on.
func prefixError(rounds []int) error {
	for i := range rounds {
		if first := rounds[0]; i > 0 && (rounds[i] > rounds[i-1] || rounds[i] < first-1) {
			return fmt.Errorf("no prefix: %v", rounds)
		}
	}
	return nil
}

// Properties 3 and 4. Writers that take turns write the entries one after the other, round by round. In each round all
// entries move from one index key to another, except that all of them have key "all" always.
func TestStressASetIsOneInstantAndReadsNeverGoBack(t *testing.T) {
	const entries, writers, groups = 12, 3, 3
	c := newCrew(t)
	var m Map[int, int] // the round in which the entry was written
	all := Add(&m, "all", func(int, int) []string { return []string{"all"} })
	byRound := Add(&m, "round", func(_, round int) []int { return []int{round % groups} })
	for key := range entries {
		m.Store(key, 0)
	}
	turns := [writers]chan struct{}{}
	for i := range turns {
		turns[i] = make(chan struct{}, 1)
	}
	turns[0] <- struct{}{}
	rounds := amount(2000)
	c.work(writers, func(id int, _ *rand.Rand) {
		for n := id; n < rounds*entries; n += writers {
			<-turns[id]
			m.Store(n%entries, 1+n/entries)
			turns[(id+1)%writers] <- struct{}{}
		}
	})
	read := func(all iter2) []int {
		seen := make([]int, entries)
		for key, round := range all {
			seen[key] = round
		}
		return seen
	}
	c.help(2, func(rng *rand.Rand) {
		low := 0 // what was seen so far, as a number of writes
		for range 20 {
			key := rng.IntN(entries)
			seen := low
			switch rng.IntN(5) {
			case 0: // entry key was written in this round: so were those before it
				round, _ := m.Load(key)
				if floor := (low + entries - 1 - key) / entries; round < floor {
					c.failf("after %d writes, Load(%d) finds round %d", low, key, round)
				}
				seen = max(low, (round-1)*entries+key+1)
			case 1:
				seen = c.progress(read(all.Get("all").All()))
			case 2:
				s := m.Snapshot()
				seen = c.progress(read(s.All()))
				if n := c.progress(read(all.At(s).Get("all").All())); n != seen {
					c.failf("a snapshot has %d writes in its entries and %d in its index", seen, n)
				}
				n := 0
				for _, set := range byRound.At(s).All() {
					n += set.Len()
				}
				if n != entries {
					c.failf("a snapshot has %d entries in the groups, want %d", n, entries)
				}
			case 3: // the entries of a round are an instant, too: within the group, a run of keys
				g := rng.IntN(groups)
				written := slices.Sorted(byRound.Get(g).Keys())
				for i, key := range written {
					if i > 0 && key != written[i-1]+1 {
						c.failf("group %d has the entries %v", g, written)
					}
				}
				for key, round := range byRound.Get(g).All() {
					if round%groups != g {
						c.failf("group %d has entry %d of round %d", g, key, round)
					}
					seen = max(seen, (round-1)*entries+key+1)
				}
			case 4:
				for key, round := range m.All() {
					seen = max(seen, (round-1)*entries+key+1)
				}
			}
			if seen < low {
				c.failf("a reader that had seen %d writes sees %d", low, seen)
			}
			low = max(low, seen)
		}
	})
	c.run()
}

type iter2 = func(yield func(int, int) bool)

// progress returns the number of writes that rounds shows, which must be a prefix of all.
func (c *crew) progress(rounds []int) int {
	if err := prefixError(rounds); err != nil {
		c.failf("%v", err)
	}
	n := 0
	for _, round := range rounds {
		n += round
	}
	return n
}

// Property 7. A group is filled one entry after the other, and deleted at once.
func TestStressDeleteAllIsOneInstant(t *testing.T) {
	const entries = 1000 // so that it takes long enough for somebody to see it half done
	c := newCrew(t)
	var m Map[int, string]
	byOwner := Add(&m, "owner", func(_ int, owner string) []string { return []string{owner} })
	byKey := Add(&m, "key", func(key int, _ string) []string { return []string{"all", fmt.Sprint(key % 3)} })
	c.work(1, func(_ int, rng *rand.Rand) {
		for range amount(60) {
			for key := range entries {
				m.Store(key, "a")
			}
			if n := byOwner.DeleteAll("a").Len(); n != entries {
				c.failf("DeleteAll deletes %d entries, want %d", n, entries)
			}
			waver(rng)
		}
	})
	require := func(what string, set Set[int, string]) {
		for i, key := range slices.Sorted(set.Keys()) {
			if i != key {
				c.failf("%s: entry %d is gone, and %d is there", what, i, key)
				break
			}
		}
	}
	c.help(2, func(*rand.Rand) { // without a snapshot, which would wait for DeleteAll to finish
		require("by owner", byOwner.Get("a"))
		require("by key", byKey.Get("all"))
	})
	c.help(1, func(*rand.Rand) {
		s := m.Snapshot()
		require("by owner, in a snapshot", byOwner.At(s).Get("a"))
		require("by key, in a snapshot", byKey.At(s).Get("all"))
	})
	c.run()
}

// Property 8. The whole content is replaced by that of another round, or cleared.
func TestStressClearAndReplaceAreOneInstant(t *testing.T) {
	const entries = 50
	c := newCrew(t)
	var m Map[int, int]
	all := Add(&m, "all", func(int, int) []string { return []string{"all"} })
	c.work(1, func(_ int, rng *rand.Rand) {
		for round := range amount(1500) {
			if rng.IntN(3) == 0 {
				m.Clear()
			}
			m.Replace(func(yield func(int, int) bool) {
				for key := range entries {
					yield(key, round)
				}
			})
			waver(rng)
		}
	})
	c.help(2, func(*rand.Rand) {
		s := m.Snapshot()
		for _, set := range []map[int]int{maps.Collect(all.Get("all").All()), maps.Collect(s.All()), maps.Collect(all.At(s).Get("all").All())} {
			if len(set) != 0 && len(set) != entries {
				c.failf("a reader sees %d of %d entries", len(set), entries)
			}
			for key, round := range set {
				if round != set[0] {
					c.failf("a reader sees entry %d of round %d and 0 of round %d", key, round, set[0])
				}
			}
		}
	})
	c.run()
}

// Property 9.
func TestStressNoUpdateIsLost(t *testing.T) {
	const workers, entries = 5, 7
	c := newCrew(t)
	var m Map[int, int]
	byCount := Add(&m, "count", func(_, count int) []int { return []int{count % 2, 2 + count%3} })
	increments := amount(4000)
	c.work(workers, func(_ int, rng *rand.Rand) {
		for range increments {
			key := rng.IntN(entries)
			if old, ok := m.Load(key); ok && rng.IntN(2) == 0 && m.CompareAndSwap(key, old, old+1) {
				continue
			}
			m.Compute(key, func(n int, _ bool) (int, shardmap.Op) { return n + 1, shardmap.Set })
			waver(rng)
		}
	})
	c.help(1, func(rng *rand.Rand) {
		ix := Add(&m, "temporary", func(key, _ int) []int { return []int{key} })
		waver(rng)
		ix.Drop()
	})
	c.run()
	sum := 0
	for n := range m.Values() {
		sum += n
	}
	if sum != workers*increments || byCount.Len(0)+byCount.Len(1) != entries {
		t.Errorf("%d increments add up to %d, and %d of %d entries are found", workers*increments, sum, byCount.Len(0)+byCount.Len(1), entries)
	}
}
