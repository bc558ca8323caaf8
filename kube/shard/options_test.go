package shard

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	coordinationv1api "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
)

func TestABadOptionIsNamedWithItsValue(t *testing.T) {
	for want, o := range map[string]Options{
		`shard: Group "": `:              {Identity: "a"},
		`shard: Group "Widgets/x": `:     {Group: "Widgets/x"},
		`shard: Identity "A_B": `:        {Group: "g", Identity: "A_B"},
		`shard: Identity "aaa`:           {Group: "g", Identity: strings.Repeat("a", 151)},
		"shard: Partitions -1: ":         {Group: "g", Partitions: -1},
		"shard: Partitions 257: ":        {Group: "g", Partitions: 257},
		"shard: LeaseDuration -1s: ":     {Group: "g", LeaseDuration: -time.Second},
		"shard: LeaseDuration 876000h":   {Group: "g", LeaseDuration: 876000 * time.Hour},
		"shard: RenewDeadline 15s: ":     {Group: "g", RenewDeadline: 15 * time.Second},
		"shard: RenewDeadline -1ns: ":    {Group: "g", RenewDeadline: -1},
		"shard: RenewInterval 6s: ":      {Group: "g", RenewInterval: 6 * time.Second},
		"shard: RenewInterval -1ns: ":    {Group: "g", RenewInterval: -1},
		"shard: DrainTimeout -1ns: want": {Group: "g", DrainTimeout: -1},
	} {
		if o.Identity == "" {
			o.Identity = "a"
		}
		s, err := New(newFakeLeases(), o)
		if s != nil || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("New with %+v: %v, want %s…", o, err, want)
		}
	}
	s, err := New(nil, Options{Group: "g"})
	if s != nil || err == nil || !strings.HasPrefix(err.Error(), "shard: New with leases nil") {
		t.Errorf("New without a client: %v", err)
	}
}

func TestTwoStartsUnderOneIdentityHaveLeasesOfDifferentNames(t *testing.T) {
	seen := map[string]bool{}
	identity := strings.Repeat("a", maxIdentity)
	for range 1000 {
		s, err := New(newFakeLeases(), Options{Group: strings.Repeat("g", 63), Identity: identity})
		if err != nil {
			t.Fatal(err)
		}
		if why := validation.IsDNS1123Subdomain(s.Name()); len(why) > 0 {
			t.Fatalf("%s: %s", s.Name(), why[0])
		}
		if random := strings.TrimPrefix(s.Name(), strings.Repeat("g", 63)+"-"+identity+"-"); len(random) != 16 || seen[random] {
			t.Fatalf("%q is drawn twice, or too short", random)
		} else {
			seen[random] = true
		}
	}
}

func TestDefaultsAreThoseOfTheDocumentation(t *testing.T) {
	got, err := Options{Group: "g", Identity: "a"}.withDefaults()
	if err != nil || got.Partitions != 128 || got.LeaseDuration != 15*time.Second ||
		got.RenewDeadline != 10*time.Second || got.RenewInterval != 2*time.Second || got.DrainTimeout != 0 {
		t.Errorf("the defaults are %+v, %v", got, err)
	}
	if got, err = (Options{Group: "g", Identity: "a", LeaseDuration: 1500 * time.Millisecond}).withDefaults(); err != nil ||
		got.LeaseDuration != 2*time.Second || got.RenewDeadline != time.Second {
		t.Errorf("a LeaseDuration of 1.5 s becomes %+v, %v", got, err)
	}
}

// TestASetIsTheSetOfItsMembers compares sets with Go maps.
func TestASetIsTheSetOfItsMembers(t *testing.T) {
	rng := rand.New(rand.NewPCG(testSeed(t), 0))
	random := func(n int) (s set, m map[int]bool) {
		m = map[int]bool{}
		for range rng.IntN(2 * n) {
			p := rng.IntN(n)
			if rng.IntN(4) == 0 {
				s = s.without(p)
				delete(m, p)
			} else {
				s, m[p] = s.with(p), true
			}
		}
		return s, m
	}
	for range 2000 {
		n := 1 + rng.IntN(maxPartitions)
		a, inA := random(n)
		b, inB := random(n)
		for p := range n {
			if a.has(p) != inA[p] || a.union(b).has(p) != (inA[p] || inB[p]) ||
				a.intersect(b).has(p) != (inA[p] && inB[p]) || a.minus(b).has(p) != (inA[p] && !inB[p]) {
				t.Fatalf("partition %d of %v and %v", p, a.list(), b.list())
			}
		}
		if !slices.Equal(a.list(), slices.Sorted(maps.Keys(inA))) || a.isEmpty() != (len(inA) == 0) {
			t.Fatalf("%v as a list is %v", inA, a.list())
		}
		if got, err := decodeSet(a.encode(n), n); got != a || err != nil || firstN(n).minus(a).union(a) != firstN(n) {
			t.Fatalf("%q is decoded as %v, %v, want %v", a.encode(n), got.list(), err, a.list())
		}
	}
	for _, bad := range []string{"", "x", "0", "04", "0000", strings.Repeat("ff", 40)} {
		if s, err := decodeSet(bad, 2); err == nil {
			t.Errorf("%q is decoded as %v of 2 partitions", bad, s.list())
		}
	}
}

func TestEveryPartitionHasOneWinnerAndMovesOnlyToOrFromWhoeverComesOrGoes(t *testing.T) {
	members := make([]record, 10)
	for i := range members { // two of each identity
		members[i] = record{name: "lease-" + strconv.Itoa(i), identity: "replica-" + strconv.Itoa(i/2)}
	}
	owners := func(members []record) (by [maxPartitions]string) {
		for i, m := range members {
			others := slices.Delete(slices.Clone(members), i, i+1)
			for p := range wins(m, others, maxPartitions).all() {
				if by[p] != "" {
					t.Errorf("partition %d is won by %s and %s", p, by[p], m.name)
				}
				by[p] = m.name
			}
		}
		return by
	}
	all := owners(members)
	if slices.Contains(all[:], "") {
		t.Error("a partition is won by nobody")
	}
	for i, gone := range members {
		for p, now := range owners(slices.Delete(slices.Clone(members), i, i+1)) {
			if all[p] != gone.name && now != all[p] {
				t.Errorf("when %s goes, partition %d moves from %s to %s", gone.name, p, all[p], now)
			}
		}
	}
}

// The numbers are part of the protocol between releases: another function needs another scheme.
func TestKeysKeepTheirPartitions(t *testing.T) {
	for key, want := range map[types.NamespacedName]int{
		{Namespace: "default", Name: "web"}: 39,
		{Name: "cluster-scoped"}:            40,
	} {
		if got := partitionOf(key, 128); got != want {
			t.Errorf("%v is in partition %d of 128, want %d", key, got, want)
		}
	}
	if schemeOf(128) != "xxh64/128" {
		t.Errorf("the scheme is %s", schemeOf(128))
	}
	seen := map[int]bool{}
	for i := range 10_000 {
		seen[partitionOf(types.NamespacedName{Namespace: "n", Name: strconv.Itoa(i)}, 100)] = true
	}
	if len(seen) != 100 {
		t.Errorf("10,000 keys are in %d of 100 partitions", len(seen))
	}
}

func TestALeaseSaysWhatItsRecordDoes(t *testing.T) {
	s, err := New(newFakeLeases(), Options{Group: "g", Identity: "a", Partitions: 12})
	if err != nil {
		t.Fatal(err)
	}
	want := record{
		name: "n", uid: "u", version: "7", identity: "a", duration: 15 * time.Second, scheme: "xxh64/12",
		owned: set{}.with(3).with(11), leaving: true,
	}
	lease := s.leaseOf(want, time.Now())
	if got, err := s.recordOf(lease); got != want || err != nil {
		t.Errorf("it says %+v, %v, want %+v", got, err, want)
	}
	for name, change := range map[string]func(*coordinationv1api.Lease){
		"without annotations":   func(l *coordinationv1api.Lease) { l.Annotations = nil },
		"with another scheme":   func(l *coordinationv1api.Lease) { l.Annotations[schemeAnnotation] = "md5/12" },
		"with fewer partitions": func(l *coordinationv1api.Lease) { l.Annotations[schemeAnnotation] = "xxh64/4" },
		"without a bitmap":      func(l *coordinationv1api.Lease) { delete(l.Annotations, ownedAnnotation) },
		"with -4 partitions": func(l *coordinationv1api.Lease) {
			l.Annotations[schemeAnnotation], l.Annotations[ownedAnnotation] = "xxh64/-4", ""
		},
		"with a bad bitmap": func(l *coordinationv1api.Lease) { l.Annotations[ownedAnnotation] = "zz" },
	} {
		bad := lease.DeepCopy()
		change(bad)
		got, err := s.recordOf(bad)
		if err == nil || !strings.HasPrefix(err.Error(), "shard: Lease n ") || got.blocks(want.scheme, 12) != firstN(12) {
			t.Errorf("a Lease %s blocks %v, %v", name, got.blocks(want.scheme, 12).list(), err)
		}
	}
}
