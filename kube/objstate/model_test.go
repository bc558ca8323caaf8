package objstate_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/shardmap-go/shardmap/kube/objstate"
)

// In the tests with random events a name has up to eight incarnations, each with versions of its own: those of
// incarnation i are 100*i+1 to 100*i+99. So a version tells the incarnation, as in a cluster.
const (
	incarnations = 8
	perLife      = 100
)

func uidOf(name string, version int) types.UID {
	return types.UID(fmt.Sprintf("%s-%d", name, version/perLife))
}

// seen is the state in these tests: the versions that were taken for this incarnation, and the owner in the last one.
type seen struct {
	versions string
	owner    string
}

func (s seen) and(version int, owner string) seen {
	return seen{s.versions + " " + strconv.Itoa(version), owner}
}

// An oracle is what a Map should know about a name, with a memory without bounds.
type oracle struct {
	newest int
	uid    types.UID
	live   bool
	state  seen
	dead   map[types.UID]bool
}

func (o *oracle) observe(uid types.UID, version int, owner string) bool {
	if o.dead[uid] || version < o.newest {
		return false
	}
	if !o.live || o.uid != uid {
		o.state = seen{}
	}
	o.newest, o.uid, o.live, o.state = version, uid, true, o.state.and(version, owner)
	return true
}

func (o *oracle) delete(uid types.UID, version int) (dropped bool) {
	o.dead[uid] = true
	if uid == o.uid || version > o.newest {
		dropped, o.live = o.live, false
		o.newest, o.uid = max(version, o.newest), uid
	}
	return dropped
}

// forget is delete for version 0.
func (o *oracle) forget(uid types.UID) bool { return o.delete(uid, 0) }

// models is an oracle for each name.
type models map[string]*oracle

func (s models) of(name string) *oracle {
	if s[name] == nil {
		s[name] = &oracle{dead: map[types.UID]bool{}}
	}
	return s[name]
}

// check compares all that m shows with what it should know.
func (s models) check(t *testing.T, m *objstate.Map[seen]) {
	t.Helper()
	want, wantBy, known := map[types.NamespacedName]seen{}, map[string]map[types.NamespacedName]seen{}, 0
	for name, o := range s {
		entry, ok := m.LoadEntry(named(name))
		if ok != o.live || ok && (entry != objstate.Entry[seen]{UID: o.uid, ResourceVersion: strconv.Itoa(o.newest), State: o.state}) {
			t.Fatalf("%s is %+v, %v, want %+v", name, entry, ok, o)
		}
		if o.live {
			want[named(name)] = o.state
			if wantBy[o.state.owner] == nil {
				wantBy[o.state.owner] = map[types.NamespacedName]seen{}
			}
			wantBy[o.state.owner][named(name)] = o.state
		}
		if o.live || len(o.dead) > 0 {
			known++
		}
	}
	view := m.Snapshot()
	if got := maps.Collect(m.All()); !maps.Equal(got, want) || !maps.Equal(maps.Collect(view.All()), want) {
		t.Fatalf("All shows %v, want %v", got, want)
	}
	for _, owner := range owners {
		got := maps.Collect(m.ByOwner(types.UID(owner)))
		if owner != "" && (!maps.Equal(got, wantBy[owner]) || !maps.Equal(maps.Collect(view.ByOwner(types.UID(owner))), wantBy[owner])) {
			t.Fatalf("ByOwner(%s) shows %v, want %v", owner, got, wantBy[owner])
		}
	}
	delete(wantBy, "")
	stats := m.Stats()
	if m.Len() != len(want) || view.Len() != len(want) || stats.Objects != len(want) || stats.Tombstones != known-len(want) ||
		stats.Owners != len(wantBy) {
		t.Fatalf("Len() = %d, of the snapshot %d, Stats() = %+v; want %d objects, %d tombstones, %d owners",
			m.Len(), view.Len(), stats, len(want), known-len(want), len(wantBy))
	}
}

var owners = []string{"", "owner-1", "owner-2"}

func TestAMapKnowsWhatAnUnboundedMemoryWould(t *testing.T) {
	const runs, steps = 60, 400
	seed := testSeed(t)
	for run := range runs {
		rng := rand.New(rand.NewPCG(seed, uint64(run)))
		m, s := objstate.New[seen](), models{}
		var ops []string
		for range steps {
			ops = append(ops, step(t, rng, m, s))
			s.check(t, m)
			if t.Failed() {
				t.Fatalf("run %d, after %v", run, ops[max(0, len(ops)-20):])
			}
		}
	}
}

// step does the same random thing to m and to s, and tells what.
func step(t *testing.T, rng *rand.Rand, m *objstate.Map[seen], s models) string {
	name, version := string('a'+rune(rng.IntN(3))), 1+rng.IntN(incarnations*perLife-1)
	o, owner, uid := s.of(name), owners[rng.IntN(len(owners))], uidOf(name, version)
	if rng.IntN(3) == 0 { // something that is near
		version = max(1, min(incarnations*perLife-1, o.newest-1+rng.IntN(3)))
		uid = uidOf(name, version)
	}
	p := pod(name, string(uid), strconv.Itoa(version), owner)
	var got, want bool
	var err error
	op := rng.IntN(12)
	switch op {
	case 0, 1, 2, 3, 4:
		got, err = m.Observe(p, func(s seen, _ bool) (seen, error) { return s.and(version, owner), nil })
		want = o.observe(uid, version, owner)
	case 5, 6:
		got, err = m.Delete(p)
		want = o.delete(uid, version)
	case 7:
		got, err = m.Forget(named(name), uid)
		want = o.forget(uid)
	case 8, 9:
		got, err = m.Update(named(name), uid, func(s seen) (seen, error) { return s.and(0, s.owner), nil })
		if want = o.live && o.uid == uid; want {
			o.state = o.state.and(0, o.state.owner)
		}
	case 10:
		fail := errors.New("as ordered")
		if _, err = m.Observe(p, func(seen, bool) (seen, error) { return seen{"wrong", owner}, fail }); err == fail {
			err = nil
		}
	case 11:
		got, err = samePrune(rng, m, s, version)
		want = true
	}
	if got != want || err != nil {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	return fmt.Sprintf("%d(%s, %d)", op, name, version)
}

// samePrune prunes m and s with the same list, and reports whether as many were pruned.
func samePrune(rng *rand.Rand, m *objstate.Map[seen], s models, version int) (same bool, err error) {
	listing, want := objstate.Listing{ResourceVersion: strconv.Itoa(version), UIDs: map[types.UID]struct{}{}}, 0
	for _, name := range slices.Sorted(maps.Keys(s)) { // in an order that the seed repeats
		o := s[name]
		if rng.IntN(2) == 0 {
			listing.UIDs[o.uid] = struct{}{}
		} else if o.live && o.newest <= version {
			o.delete(o.uid, 0)
			want++
		}
	}
	got, err := m.Prune(context.Background(), func(context.Context) (objstate.Listing, error) { return listing, nil })
	return got == want, err
}

// A life is the events of one name, in the order in which they happened.
type life struct {
	name   string
	events []lifeEvent
	want   types.UID // who is there in the end; empty if nobody is
	newest int
}

type lifeEvent struct {
	version int
	deleted bool
}

// lifeOf invents a life.
func lifeOf(rng *rand.Rand, name string) life {
	l := life{name: name}
	for i := range 1 + rng.IntN(4) {
		version := i * perLife
		for range 1 + rng.IntN(4) {
			version += 1 + rng.IntN(10)
			l.events = append(l.events, lifeEvent{version, false})
		}
		l.want, l.newest = uidOf(name, version), version
		if i == 3 || rng.IntN(2) == 0 {
			// The delete event tells its own version, or, when it was missed, an older one of the object.
			l.events = append(l.events, lifeEvent{version + rng.IntN(2), true})
			l.want = ""
		} else {
			break // what is not deleted is not created again
		}
	}
	return l
}

// deliver tells m an event of l. What it makes of the state is the newest version that the state has seen.
func (l life) deliver(m *objstate.Map[[2]int], e lifeEvent) error {
	incarnation := e.version / perLife
	p := pod(l.name, string(uidOf(l.name, e.version)), strconv.Itoa(e.version), "owner")
	if e.deleted {
		_, err := m.Delete(p)
		return err
	}
	_, err := m.Observe(p, func(s [2]int, ok bool) ([2]int, error) {
		if ok && (s[0] != incarnation || s[1] > e.version) {
			return s, fmt.Errorf("version %d is given the state %v", e.version, s)
		}
		return [2]int{incarnation, e.version}, nil
	})
	return err
}

// check fails the test if m does not show how l ended.
func (l life) check(t *testing.T, m *objstate.Map[[2]int]) {
	t.Helper()
	entry, ok := m.LoadEntry(named(l.name))
	if ok != (l.want != "") || ok && (entry.UID != l.want || entry.State[1] != l.newest || entry.ResourceVersion != strconv.Itoa(l.newest)) {
		t.Errorf("%s is %+v, %v, want UID %q at %d; it was %v", l.name, entry, ok, l.want, l.newest, l.events)
	}
}

func TestTheOrderOfEventsDoesNotMatter(t *testing.T) {
	const runs = 3000
	rng := rand.New(rand.NewPCG(testSeed(t), 0))
	for range runs {
		m, l := objstate.New[[2]int](), lifeOf(rng, "a")
		for _, i := range append(rng.Perm(len(l.events)), rng.Perm(len(l.events))...) { // each twice
			if err := l.deliver(m, l.events[i]); err != nil {
				t.Fatal(err)
			}
		}
		if l.check(t, m); t.Failed() {
			return
		}
	}
}

func TestTombstonesAreForgottenInTheOrderOfDeletion(t *testing.T) {
	m := objstate.New[int](objstate.WithTombstones(2))
	for _, name := range []string{"a", "b", "c"} {
		mustDelete(t, m, pod(name, name, "10"))
	}
	if s := m.Stats(); s.Tombstones != 2 || s.Evicted != 1 {
		t.Errorf("%+v, want 2 tombstones, 1 evicted", s)
	}
	observe(t, m, pod("a", "a", "5"), 1, true) // its deletion is forgotten
	observe(t, m, pod("b", "b", "5"), 1, false)
	observe(t, m, pod("b", "b2", "15"), 1, true) // and its tombstone is no more
	mustDelete(t, m, pod("d", "d", "10"))
	observe(t, m, pod("c", "c", "5"), 1, false)
	if s := m.Stats(); s.Tombstones != 2 || s.Evicted != 1 || s.Objects != 2 {
		t.Errorf("%+v, want 2 tombstones, 1 evicted, 2 objects", s)
	}

	none := objstate.New[int](objstate.WithTombstones(0))
	observe(t, none, pod("a", "a", "5"), 1, true)
	mustDelete(t, none, pod("a", "a", "6"))
	observe(t, none, pod("a", "a", "5"), 1, true)
}

func TestForgottenUIDsOfOneNameAreBounded(t *testing.T) {
	var m objstate.Map[int]
	observe(t, &m, pod("a", "current", "1000"), 1, true)
	for i := range 9 {
		if dropped, err := m.Forget(named("a"), types.UID(strconv.Itoa(i))); dropped || err != nil {
			t.Errorf("Forget of an unknown UID: %v, %v", dropped, err)
		}
	}
	if _, ok := m.Load(named("a")); !ok {
		t.Fatal("the current object has gone")
	}
	for i := range 8 {
		observe(t, &m, pod("a", strconv.Itoa(i+1), strconv.Itoa(2000+i)), 1, false)
	}
	observe(t, &m, pod("a", "0", "3000"), 2, true)

	for i := range 10 { // of a name that is not known, one more: the last
		if _, err := m.Forget(named("b"), types.UID(strconv.Itoa(i))); err != nil {
			t.Error(err)
		}
	}
	for i := range 9 {
		observe(t, &m, pod("b", strconv.Itoa(i+1), "10"), 1, false)
	}
	observe(t, &m, pod("b", "0", "10"), 1, true)
}

func TestStatsCountWhatHappened(t *testing.T) {
	var m objstate.Map[int]
	observe(t, &m, pod("a", "1", "10", "o", "p", ""), 1, true)
	observe(t, &m, pod("a", "1", "10", "o", "p"), 1, true)
	observe(t, &m, pod("a", "1", "9"), 1, false)
	observe(t, &m, pod("a", "2", "20", "o", "p"), 1, true)
	observe(t, &m, pod("b", "3", "21", "o"), 1, true)
	mustDelete(t, &m, pod("b", "3", "22"))
	mustDelete(t, &m, pod("b", "3", "22"))
	observe(t, &m, pod("b", "3", "23"), 1, false)
	want := objstate.Stats{Objects: 1, Tombstones: 1, Owners: 2, Observed: 4, Stale: 1, Dead: 1, Resets: 1, Deleted: 1}
	if got := m.Stats(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
