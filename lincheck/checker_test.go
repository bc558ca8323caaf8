package lincheck

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/shardmap-go/shardmap"
	"github.com/stretchr/testify/require"
)

// Histories that a map may or may not produce, by hand: the checkers have to tell them apart.

// at gives an operation the times of its call and its return.
func at(call, ret int64, o op) *op {
	o.call, o.ret = call, ret
	return &o
}

// with is what a whole map holds.
func with(others int32, codes ...code) *contents {
	c := &contents{others: others}
	copy(c.codes[:], codes)
	return c
}

func judge(model porcupine.Model, ops ...*op) error {
	h := history{model: model}
	for client, o := range ops { // each by another client, so that only the times order them
		h.add(client, o)
	}
	return h.check(patience)
}

func TestTheModelOfAKeyAcceptsWhatConcurrencyExplains(t *testing.T) {
	for name, ops := range map[string][]*op{
		"a load during a store sees it or not": {
			at(1, 6, op{method: store, arg: 5}),
			at(2, 3, op{method: load}),
			at(4, 5, op{method: load, got: 5, ok: true})},
		"an error of a load function while the key comes and goes": {
			at(1, 2, op{method: store, arg: 5}),
			at(3, 6, op{method: loadAndDelete, got: 5, ok: true}),
			at(4, 8, op{method: loadOrCompute, arg: 6, failed: true}),
			at(5, 9, op{method: loadOrCompute, arg: 7, got: 7, calls: 1})},
		"a compare-and-swap of a value that came back": {
			at(1, 2, op{method: store, arg: 5}),
			at(3, 8, op{method: compareAndSwap, old: 5, arg: 6, ok: true}),
			at(4, 5, op{method: swap, arg: 7, got: 5, ok: true}),
			at(6, 7, op{method: swap, arg: 5, got: 7, ok: true})},
	} {
		require.NoError(t, judge(keyModel, ops...), name)
	}
}

func TestTheModelOfAKeyRejectsWhatNoOrderExplains(t *testing.T) {
	stored := at(1, 2, op{method: store, arg: 5})
	for name, ops := range map[string][]*op{
		"a stale load":                       {stored, at(3, 4, op{method: store, arg: 6}), at(5, 6, op{method: load, got: 5, ok: true})},
		"a load that misses a key":           {stored, at(3, 4, op{method: load})},
		"a value that nobody stored":         {stored, at(3, 4, op{method: load, got: garbage, ok: true})},
		"an absent key with a value":         {at(1, 2, op{method: load, got: garbage})},
		"loads that go back":                 {stored, at(3, 9, op{method: store, arg: 6}), at(4, 5, op{method: load, got: 6, ok: true}), at(6, 7, op{method: load, got: 5, ok: true})},
		"two inserts by LoadOrStore":         {at(1, 4, op{method: loadOrStore, arg: 5, got: 5}), at(2, 3, op{method: loadOrStore, arg: 6, got: 6})},
		"two inserts by LoadOrCompute":       {at(1, 4, op{method: loadOrCompute, arg: 5, got: 5, calls: 1}), at(2, 3, op{method: loadOrCompute, arg: 6, got: 6, calls: 1})},
		"a stored value nobody computed":     {at(1, 4, op{method: loadOrCompute, arg: 5, got: 5})},
		"an error though the key is present": {stored, at(3, 4, op{method: loadOrCompute, arg: 6, failed: true})},
		"a value deleted twice":              {stored, at(3, 6, op{method: loadAndDelete, got: 5, ok: true}), at(4, 5, op{method: loadAndDelete, got: 5, ok: true})},
		"a deletion that is undone":          {stored, at(3, 4, op{method: remove}), at(5, 6, op{method: load, got: 5, ok: true})},
		"a lost swap":                        {stored, at(3, 6, op{method: swap, arg: 6, got: 5, ok: true}), at(4, 5, op{method: swap, arg: 7, got: 5, ok: true})},
		"two swaps compared with one value":  {stored, at(3, 6, op{method: compareAndSwap, old: 5, arg: 6, ok: true}), at(4, 5, op{method: compareAndSwap, old: 5, arg: 7, ok: true})},
		"a comparison that fails for no one": {stored, at(3, 6, op{method: compareAndSwap, old: 5, arg: 6}), at(4, 5, op{method: load, got: 5, ok: true})},
		"a deletion that fails for no one":   {stored, at(3, 6, op{method: compareAndDelete, old: 5})},
		"a lost computation": {stored, at(3, 6, op{method: compute, action: shardmap.Set, arg: 6, saw: 5, got: 6, ok: true}),
			at(4, 5, op{method: compute, action: shardmap.Set, arg: 7, saw: 5, got: 7, ok: true})},
		"a computation with a removed value": {stored, at(3, 6, op{method: compute, action: shardmap.Remove, saw: 5}), at(7, 8, op{method: compute, saw: 5, got: 5, ok: true})},
	} {
		err := judge(keyModel, ops...)
		require.ErrorContains(t, err, "not linearizable", name)
		require.ErrorContains(t, err, ops[0].String(), name)
	}
}

func TestTheModelOfAMapAcceptsWhatConcurrencyExplains(t *testing.T) {
	for name, ops := range map[string][]*op{
		"a snapshot during two stores sees the later one of them": {
			at(1, 4, op{method: store, key: 0, arg: 5}),
			at(2, 5, op{method: store, key: 1, arg: 6}),
			at(3, 6, op{method: snapshot, content: with(0, absent, 6)})},
		"a replacement before a deletion": {
			at(1, 2, op{method: replace, content: with(0), next: with(7, 5)}),
			at(3, 4, op{method: loadAndDelete, key: firstOther, ok: true}),
			at(5, 6, op{method: loadAndDelete, key: firstOther}),
			at(7, 8, op{method: clone, content: with(6, 5)}),
			at(9, 10, op{method: clear}),
			at(11, 12, op{method: snapshot, content: with(0)})},
	} {
		require.NoError(t, judge(wholeModel, ops...), name)
	}
}

func TestTheModelOfAMapRejectsWhatNoOrderExplains(t *testing.T) {
	for name, ops := range map[string][]*op{
		"a snapshot with the second of two stores only": {
			at(1, 2, op{method: store, key: 0, arg: 5}),
			at(3, 4, op{method: store, key: 1, arg: 6}),
			at(0, 5, op{method: snapshot, content: with(0, absent, 6)})},
		"two snapshots that see two stores in different orders": {
			at(1, 7, op{method: store, key: 0, arg: 5}),
			at(2, 8, op{method: store, key: 1, arg: 6}),
			at(3, 9, op{method: snapshot, content: with(0, 5)}),
			at(4, 10, op{method: clone, content: with(0, absent, 6)})},
		"a snapshot that changes with the map": {
			at(1, 2, op{method: snapshot, content: with(0, 5)}),
			at(3, 4, op{method: store, key: 0, arg: 5})},
		"a wrong number of entries": {
			at(1, 2, op{method: store, key: firstOther, arg: unchecked}),
			at(3, 4, op{method: snapshot, content: with(0)})},
		"a key that is shown twice": {
			at(1, 2, op{method: snapshot, content: with(-1)})},
		"half a Clear": {
			at(1, 2, op{method: replace, content: with(0), next: with(0, 5, 6)}),
			at(3, 6, op{method: clear}),
			at(4, 5, op{method: snapshot, content: with(0, 5)})},
		"an entry that survives a Clear": {
			at(1, 2, op{method: store, key: 0, arg: 5}),
			at(3, 4, op{method: clear}),
			at(5, 6, op{method: load, key: 0, got: 5, ok: true})},
		"a store that neither Replace nor its successor shows": {
			at(1, 2, op{method: store, key: 0, arg: 5}),
			at(3, 4, op{method: replace, content: with(0), next: with(0)})},
	} {
		require.ErrorContains(t, judge(wholeModel, ops...), "not linearizable", name)
	}
}

func TestAHistoryThatCannotBeJudgedInTimeIsAViolation(t *testing.T) {
	h := history{model: keyModel}
	for i := range 40 { // all at the same time, so that the number of orders is enormous, and none explains the load
		h.add(i, at(int64(i), int64(100+i), op{method: store, arg: zero + code(i)}))
	}
	h.add(40, at(200, 201, op{method: load, got: poison, ok: true}))
	require.ErrorContains(t, h.check(time.Millisecond), "no order found in time")
}

func TestAViolationIsDrawn(t *testing.T) {
	err := judge(keyModel, at(1, 2, op{method: store, arg: 5}), at(3, 4, op{method: load}))
	picture := err.(*violation).draw(t)
	defer os.Remove(picture)
	html, err := os.ReadFile(picture)
	require.NoError(t, err)
	require.Contains(t, string(html), "Store(0, 5)")
}

// Two writers, with two keys each, of which the first is always there.
//
//	writer 0   0: a=0 (1–2)   1: b=1 (5–8)   2: a=2 (13–16)   3: delete b (17–18)
//	writer 1   0: a=0 (3–4)   1: b=1 (7–12)
func twoWriters() []log {
	return []log{
		newLog([]write{{0, false, 1, 2}, {1, false, 5, 8}, {0, false, 13, 16}, {1, true, 17, 18}}, 2),
		newLog([]write{{0, false, 3, 4}, {1, false, 7, 12}}, 2),
	}
}

// shows returns a view: the codes are those of the keys a of both writers and then of the keys b.
func shows(call, ret int64, a0, a1, b0, b1 code) *view {
	v := &view{call: call, ret: ret, twice: -1, codes: []code{a0, a1, b0, b1}}
	for _, c := range v.codes {
		if c != absent {
			v.len++
		}
	}
	return v
}

func judgeCuts(views ...*view) error {
	var cuts []cut
	for _, v := range views {
		c, err := newCut(twoWriters(), v)
		if err != nil {
			return err
		}
		cuts = append(cuts, c)
	}
	return checkOrder(cuts)
}

func TestCutsThatFitTogetherAreAccepted(t *testing.T) {
	a, b, c := codeOf(0), codeOf(1), codeOf(2)
	require.NoError(t, judgeCuts(shows(0, 20, absent, absent, absent, absent)), "before everything")
	require.NoError(t, judgeCuts(shows(6, 7, a, a, absent, absent), shows(6, 7, a, a, b, absent)), "before and after a write that is under way")
	require.NoError(t, judgeCuts(shows(6, 11, a, a, absent, b)), "a later call, but not a later write")
	require.NoError(t, judgeCuts(shows(14, 19, c, a, absent, b), shows(14, 15, a, a, b, b), shows(19, 20, c, a, absent, b)), "a deletion")
}

func TestCutsThatDoNotFitTogetherAreRejected(t *testing.T) {
	a, b, c := codeOf(0), codeOf(1), codeOf(2)
	v := shows(6, 7, a, a, b, absent)
	v.len++
	require.ErrorContains(t, judgeCuts(v), "Len() = 4", "a wrong Len")
	for name, views := range map[string][]*view{
		"a snapshot without a write that had returned":   {shows(9, 10, a, a, absent, absent)},
		"a snapshot with a write that was not called":    {shows(3, 4, a, a, b, absent)},
		"a writer's second write without its first":      {shows(0, 16, c, a, absent, b)},
		"a deletion without the write before it":         {shows(0, 20, a, a, absent, b), shows(0, 20, a, a, b, b), shows(18, 20, a, a, absent, b)},
		"one writer's later write without an earlier":    {shows(0, 20, c, a, b, absent)},
		"a value of another key":                         {shows(0, 20, a, a, c, b)},
		"garbage":                                        {shows(0, 20, a, a, garbage, b)},
		"a snapshot that goes back behind another":       {shows(5, 6, a, a, b, absent), shows(7, 8, a, a, absent, absent)},
		"two snapshots that see writes in another order": {shows(0, 20, a, a, b, absent), shows(0, 20, a, a, absent, b)},
	} {
		require.Error(t, judgeCuts(views...), name)
	}
}

func TestRangesAreGivenTheBenefitOfTheDoubtAndNoMore(t *testing.T) {
	a, b, c := codeOf(0), codeOf(1), codeOf(2)
	for name, v := range map[string]*view{
		"no instant, but each key as it was during the call": shows(4, 20, c, a, absent, absent),
		"before a write that is under way":                   shows(6, 7, a, a, absent, absent),
		"after it":                                           shows(6, 7, a, a, b, absent),
		"a key that was deleted meanwhile":                   shows(14, 18, a, a, b, b),
	} {
		_, err := checkRange(twoWriters(), v)
		require.NoError(t, err, name)
	}
	twice := shows(6, 7, a, a, b, absent)
	twice.twice = 2
	for name, v := range map[string]*view{
		"a key that is shown twice":             twice,
		"a key that was there and is not shown": shows(9, 10, a, a, absent, absent),
		"a key that was gone and is shown":      shows(19, 20, c, a, b, b),
		"a key that is not there yet":           shows(3, 4, a, a, b, absent),
		"an old value":                          shows(17, 20, a, a, b, b),
		"a value of another key":                shows(0, 20, b, a, a, b),
	} {
		_, err := checkRange(twoWriters(), v)
		require.Error(t, err, name)
	}
}

func TestValuesComeBackAsTheyWereStored(t *testing.T) {
	p, w, b := pointers(), words(), boxes()
	for c := zero; c < 1000; c++ {
		require.Equal(t, c, p.decode(p.encode(c)))
		require.Equal(t, c, w.decode(w.encode(c)))
		require.Equal(t, c, b.decode(b.encode(c)))
		one, another := p.encode(c), p.encode(c)
		require.Equal(t, c < unique, one == another)
	}
	require.Nil(t, p.encode(zero))
	require.Zero(t, w.encode(zero))
	require.Zero(t, b.encode(zero))
	require.Equal(t, garbage, w.decode(-1))
	require.Equal(t, garbage, b.decode(parcel{"1", 1, 4}), "torn")
}

func TestAHistoryIsToldInTheOrderOfTheCalls(t *testing.T) {
	err := judge(keyModel, at(5, 6, op{method: load}), at(1, 2, op{method: store, arg: 5}), at(3, 4, op{method: swap, arg: 6, got: 5, ok: true}))
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	require.Len(t, lines, 4)
	require.Contains(t, lines[1], "Store(0, 5)")
	require.Contains(t, lines[2], "Swap(0, 6) → 5")
	require.Contains(t, lines[3], "Load(0) → 0")
}
