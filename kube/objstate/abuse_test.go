package objstate_test

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/shardmap-go/shardmap/kube/objstate"
)

func TestBadOptionsPanicWithTheirValue(t *testing.T) {
	for want, f := range map[string]func(){
		"objstate: WithTombstones(-1): want 0 or more":             func() { objstate.New[int](objstate.WithTombstones(-1)) },
		"objstate: WithCopy(nil): want a function":                 func() { objstate.New[int](objstate.WithCopy[int](nil)) },
		"objstate: WithCopy(func([]int) []int): want a func(int) ": func() { objstate.New[int](objstate.WithCopy(slices.Clone[[]int])) },
	} {
		if got := panicOf(f); !strings.HasPrefix(got, want) {
			t.Errorf("panic %q, want %q…", got, want)
		}
	}
}

func TestBadObjectsAreRefusedByName(t *testing.T) {
	var m objstate.Map[int]
	observe(t, &m, pod("a", "uid", "5"), 1, true)
	before := m.Stats()
	observed := func(obj metav1.Object) func() error {
		return func() error {
			_, err := m.Observe(obj, func(int, bool) (int, error) {
				t.Error("the function is called")
				return 0, nil
			})
			return err
		}
	}
	deleted := func(obj metav1.Object) func() error {
		return func() error { _, err := m.Delete(obj); return err }
	}
	for want, f := range map[string]func() error{
		"objstate: Observe of a nil object: ":                                      observed(nil),
		"objstate: Observe of a nil object: want":                                  observed((*corev1.Pod)(nil)),
		"objstate: Observe of \"default/\": it has no name":                        observed(pod("", "uid", "6")),
		"objstate: Observe of default/a: it has no UID":                            observed(pod("a", "", "6")),
		"objstate: Observe of default/a with resourceVersion \"\": ":               observed(pod("a", "uid", "")),
		"objstate: Observe of default/a with resourceVersion \"0\": ":              observed(pod("a", "uid", "0")),
		"objstate: Observe of default/a with resourceVersion \"six\": ":            observed(pod("a", "uid", "six")),
		"objstate: Observe of default/a with resourceVersion \"06\": ":             observed(pod("a", "uid", "06")),
		"objstate: Observe of default/a with resourceVersion \"-6\": ":             observed(pod("a", "uid", "-6")),
		"objstate: Observe of default/a with resourceVersion \"5\": UIDs uid and ": observed(pod("a", "other", "5")),
		"objstate: Delete of a nil object: ":                                       deleted(nil),
		"objstate: Delete of a nil object: want":                                   deleted((*corev1.Pod)(nil)),
		"objstate: Delete of \"default/\": it has no name":                         deleted(pod("", "uid", "6")),
		"objstate: Delete of default/a: it has no UID":                             deleted(pod("a", "", "6")),
		"objstate: Observe of default/a: the function is nil": func() error {
			_, err := m.Observe(pod("a", "uid", "6"), nil)
			return err
		},
		"objstate: Update of default/a: the function is nil": func() error {
			_, err := m.Update(named("a"), "uid", nil)
			return err
		},
		"objstate: Update of default/a: it has no UID": func() error { _, err := m.Update(named("a"), "", nil); return err },
		"objstate: Forget of default/a: it has no UID": func() error { _, err := m.Forget(named("a"), ""); return err },
		"objstate: Forget of \"/\": it has no name":    func() error { _, err := m.Forget(types.NamespacedName{}, "uid"); return err },
	} {
		if err := f(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %q…", err, want)
		}
	}
	if got := m.Stats(); got != before {
		t.Errorf("%+v, want %+v", got, before)
	}
}

// A deletion needs no version: the UID tells what has gone.
func TestADeletionWithoutAUsableVersionCounts(t *testing.T) {
	for _, version := range []string{"", "0", "six"} {
		var m objstate.Map[int]
		observe(t, &m, pod("a", "uid", "5"), 1, true)
		if !mustDelete(t, &m, pod("a", "uid", version)) || m.Len() != 0 {
			t.Errorf("version %q: the state is still there", version)
		}
		observe(t, &m, pod("a", "uid", "6"), 1, false)
		observe(t, &m, pod("a", "new", "7"), 1, true)
	}
}

func TestFunctionsThatFailChangeNothing(t *testing.T) {
	ordered := errors.New("as ordered")
	for name, fail := range map[string]func() error{
		"error":  func() error { return ordered },
		"panic":  func() error { panic("as ordered") },
		"Goexit": func() error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			failing := false
			m := objstate.New[int](objstate.WithCopy(func(s int) int {
				if failing && name != "error" {
					_ = fail()
				}
				return s
			}))
			observe(t, m, pod("a", "uid-a", "5", "owner"), 1, true)
			mustDelete(t, m, pod("b", "uid-b", "5"))
			before := m.Stats()
			failing = true
			for _, p := range []*corev1.Pod{pod("a", "uid-a", "6"), pod("a", "new", "7"), pod("b", "new", "8"), pod("c", "uid-c", "9")} {
				survive(func() {
					took, err := m.Observe(p, func(int, bool) (int, error) { return 2, fail() })
					if took || err != ordered {
						t.Errorf("Observe: %v, %v", took, err)
					}
				})
			}
			survive(func() {
				took, err := m.Update(named("a"), "uid-a", func(int) (int, error) { return 2, fail() })
				if took || err != ordered {
					t.Errorf("Update: %v, %v", took, err)
				}
			})
			survive(func() { m.Load(named("a")) })
			survive(func() {
				for range m.All() {
					_ = fail()
				}
			})
			survive(func() {
				_, _ = m.Prune(context.Background(), func(context.Context) (objstate.Listing, error) { return objstate.Listing{}, fail() })
			})
			failing = false
			if got := m.Stats(); got != before {
				t.Errorf("%+v, want %+v", got, before)
			}
			if e, ok := m.LoadEntry(named("a")); !ok || e.State != 1 || e.ResourceVersion != "5" {
				t.Errorf("a is %+v, %v", e, ok)
			}
			observe(t, m, pod("a", "uid-a", "6"), 3, true) // no lock is held
		})
	}
}

func TestFunctionsMayUseTheMap(t *testing.T) {
	var m objstate.Map[int]
	took, err := m.Observe(pod("a", "uid-a", "5", "owner"), func(int, bool) (int, error) {
		observe(t, &m, pod("b", "uid-b", "6", "owner"), 2, true)
		mustDelete(t, &m, pod("b", "uid-b", "7"))
		return m.Len() + m.Snapshot().Len(), nil
	})
	if got, _ := m.Load(named("a")); !took || err != nil || got != 0 {
		t.Errorf("%v, %v; a is %d", took, err, got)
	}
	// What the function decides is decided anew when its object has gone under its hands.
	calls := 0
	took, err = m.Observe(pod("a", "uid-a", "8"), func(s int, ok bool) (int, error) {
		calls++
		mustDelete(t, &m, pod("a", "uid-a", "9"))
		return s + 1, nil
	})
	if took || err != nil || calls != 1 || m.Len() != 0 {
		t.Errorf("an object that has gone meanwhile: %v, %v, %d calls, %d objects", took, err, calls, m.Len())
	}
	for range m.ByOwner("owner") {
		t.Error("what has gone is owned")
	}
}

func TestAStateThatIsOutOfDateIsMadeAnew(t *testing.T) {
	var m objstate.Map[int]
	observe(t, &m, pod("a", "uid", "5"), 1, true)
	calls := 0
	took, err := m.Observe(pod("a", "uid", "6"), func(s int, _ bool) (int, error) {
		if calls++; calls == 1 {
			if _, err := m.Update(named("a"), "uid", func(int) (int, error) { return 10, nil }); err != nil {
				t.Error(err)
			}
		}
		return s + 1, nil
	})
	if s, _ := m.Load(named("a")); !took || err != nil || calls != 2 || s != 11 {
		t.Errorf("%v, %v, %d calls, state %d", took, err, calls, s)
	}
}

func TestStatesAreCopiedInAndOut(t *testing.T) {
	m := objstate.New[map[string]int](objstate.WithCopy(maps.Clone[map[string]int]))
	mine := map[string]int{"n": 1}
	observe(t, m, pod("a", "uid", "5", "owner"), mine, true)
	mine["n"] = 100 // after it was handed in
	var kept map[string]int
	if _, err := m.Update(named("a"), "uid", func(s map[string]int) (map[string]int, error) {
		s["n"]++
		kept = s
		return s, nil
	}); err != nil {
		t.Error(err)
	}
	kept["n"] = 100
	if _, err := m.Update(named("a"), "uid", func(s map[string]int) (map[string]int, error) {
		s["n"] = 100
		return nil, errors.New("changed its mind")
	}); err == nil {
		t.Error("no error")
	}
	spoil := func(s map[string]int) {
		t.Helper()
		if s["n"] != 2 {
			t.Errorf("the state is %v", s)
		}
		s["n"] = 100
	}
	view := m.Snapshot()
	for range 2 {
		s, _ := m.Load(named("a"))
		spoil(s)
		e, _ := m.LoadEntry(named("a"))
		spoil(e.State)
		for _, all := range []map[types.NamespacedName]map[string]int{
			maps.Collect(m.All()), maps.Collect(m.ByOwner("owner")), maps.Collect(view.All()), maps.Collect(view.ByOwner("owner")),
		} {
			spoil(all[named("a")])
		}
		s, _ = view.Load(named("a"))
		spoil(s)
	}
}

func TestZeroValuesAreEmpty(t *testing.T) {
	var m objstate.Map[int]
	var s objstate.Snapshot[int]
	if _, ok := m.Load(named("a")); ok || m.Len() != 0 || m.Snapshot().Len() != 0 || m.Stats() != (objstate.Stats{}) {
		t.Error("the zero map is not empty")
	}
	if _, ok := s.Load(named("a")); ok || s.Len() != 0 {
		t.Error("the zero snapshot is not empty")
	}
	var fresh [2]objstate.Map[int]
	for range s.ByOwner("o") {
		t.Error("the zero snapshot shows something")
	}
	for range fresh[0].ByOwner("o") {
		t.Error("the zero map shows something")
	}
	for range fresh[1].All() {
		t.Error("the zero map shows something")
	}
}

func TestPruneDropsNothingByABadList(t *testing.T) {
	var m objstate.Map[int]
	observe(t, &m, pod("a", "uid", "5"), 1, true)
	ended, end := context.WithCancel(context.Background())
	end()
	ordered := errors.New("as ordered")
	lists := func(pages ...*corev1.PodList) objstate.Lister {
		return objstate.ListAll(func(context.Context, metav1.ListOptions) (*corev1.PodList, error) {
			page := pages[0]
			pages = pages[1:]
			return page, nil
		})
	}
	page := func(version, next string, pods ...corev1.Pod) *corev1.PodList {
		return &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: version, Continue: next}, Items: pods}
	}
	for name, test := range map[string]struct {
		ctx  context.Context
		list objstate.Lister
		want string
	}{
		"nil":          {list: nil, want: "objstate: Prune: the lister is nil"},
		"failing":      {list: func(context.Context) (objstate.Listing, error) { return objstate.Listing{}, ordered }, want: "objstate: Prune: as ordered"},
		"no version":   {list: lists(page("", "")), want: "objstate: Prune with a list of resourceVersion \"\": "},
		"bad version":  {list: lists(page("ten", "")), want: "objstate: Prune with a list of resourceVersion \"ten\": "},
		"no UID":       {list: lists(page("10", "", *pod("b", "", "5"))), want: "objstate: Prune: objstate: list with default/b: it has no UID"},
		"mixed":        {list: lists(page("10", "more"), page("11", "")), want: "objstate: Prune: objstate: list of resourceVersion \"10\": its next page is of \"11\""},
		"unfilled":     {list: objstate.ListStore(cache.NewStore(cache.MetaNamespaceKeyFunc)), want: "objstate: Prune with a list of resourceVersion \"\": "},
		"nil store":    {list: objstate.ListStore(nil), want: "objstate: Prune: objstate: ListStore(nil): "},
		"nil function": {list: objstate.ListAll[*corev1.PodList](nil), want: "objstate: Prune: objstate: ListAll(nil): "},
		"ended":        {ctx: ended, list: lists(page("10", "")), want: "context canceled"},
		"no list": {list: objstate.ListAll(func(context.Context, metav1.ListOptions) (*corev1.Pod, error) {
			return pod("b", "uid", "5"), nil
		}), want: "objstate: Prune: objstate: list *v1.Pod: "},
	} {
		if test.ctx == nil {
			test.ctx = context.Background()
		}
		if n, err := m.Prune(test.ctx, test.list); n != 0 || err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %d, %v, want %q", name, n, err, test.want)
		}
	}
	if _, err := m.Prune(context.Background(), func(context.Context) (objstate.Listing, error) { return objstate.Listing{}, ordered }); !errors.Is(err, ordered) {
		t.Errorf("%v hides its cause", err)
	}
	if m.Len() != 1 {
		t.Fatal("the state is gone")
	}
	if n, err := m.Prune(context.Background(), lists(page("10", "more"), page("10", "", *pod("a", "uid", "7")))); n != 0 || err != nil {
		t.Errorf("the object is on the second page: %d, %v", n, err)
	}
	if n, err := m.Prune(context.Background(), lists(page("4", ""))); n != 0 || err != nil {
		t.Errorf("the list is older than the object: %d, %v", n, err)
	}
	if n, err := m.Prune(context.Background(), lists(page("5", ""))); n != 1 || err != nil {
		t.Errorf("the object is gone: %d, %v", n, err)
	}
	observe(t, &m, pod("a", "uid", "6"), 1, false)
}

func TestReadersAllocateNothing(t *testing.T) {
	var m objstate.Map[[4]int]
	observe(t, &m, pod("a", "uid", "5", "owner"), [4]int{1}, true)
	mustDelete(t, &m, pod("b", "uid", "5"))
	s, key, gone := m.Snapshot(), named("a"), named("b")
	for name, f := range map[string]func(){
		"Load":          func() { m.Load(key) },
		"Load, gone":    func() { m.Load(gone) },
		"LoadEntry":     func() { m.LoadEntry(key) },
		"Snapshot.Load": func() { s.Load(key) },
		"Len":           func() { m.Len() },
		"Stats":         func() { m.Stats() },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

// A context that is asked whether it has ended does something first, and says that it has not.
type busyContext struct {
	context.Context
	do func()
}

func (c busyContext) Err() error {
	c.do()
	return nil
}

// Prune asks its context about each state that it has come to, and only then looks whether the object is missing.
func TestAnObjectThatIsReplacedUnderPruneIsKept(t *testing.T) {
	var m objstate.Map[int]
	observe(t, &m, pod("a", "uid-1", "5"), 1, true)
	ctx := busyContext{context.Background(), func() {
		if _, err := m.Observe(pod("a", "uid-2", "12"), setTo(2)); err != nil {
			t.Error(err)
		}
	}}
	none := func(context.Context) (objstate.Listing, error) { return objstate.Listing{ResourceVersion: "10"}, nil }
	n, err := m.Prune(ctx, none)
	if got, ok := m.Load(named("a")); n != 0 || err != nil || !ok || got != 2 {
		t.Errorf("%d pruned, %v; the new object has %d, %v", n, err, got, ok)
	}
}
