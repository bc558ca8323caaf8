package index

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestOwnersAgreeWithAModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(testSeed(t), 0))
	var r Owners[int, string]
	model := map[link[int, string]]bool{}
	objects := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	owned := func(owner int) (all []string) {
		for l := range model {
			if l.owner == owner {
				all = append(all, l.owned)
			}
		}
		slices.Sort(all)
		return all
	}
	owners := func(object string) (all []int) {
		for l := range model {
			if l.owned == object {
				all = append(all, l.owner)
			}
		}
		slices.Sort(all)
		return all
	}
	for step := range amount(8000) {
		l := link[int, string]{rng.IntN(6), objects[rng.IntN(len(objects))]}
		switch op := rng.IntN(40); {
		case op == 0:
			want, got := owned(l.owner), r.DropOwner(l.owner)
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Fatalf("step %d: DropOwner(%d) = %q, want %q", step, l.owner, got, want)
			}
			for _, object := range got {
				delete(model, link[int, string]{l.owner, object})
			}
		case op == 1:
			want, got := owners(l.owned), r.DropOwned(l.owned)
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Fatalf("step %d: DropOwned(%q) = %d, want %d", step, l.owned, got, want)
			}
			for _, owner := range got {
				delete(model, link[int, string]{owner, l.owned})
			}
		case op == 2 && rng.IntN(5) == 0:
			r.Clear()
			clear(model)
		case op < 20:
			if got, want := r.Link(l.owner, l.owned), !model[l]; got != want {
				t.Fatalf("step %d: Link(%v) = %v, want %v", step, l, got, want)
			}
			model[l] = true
		default:
			if got, want := r.Unlink(l.owner, l.owned), model[l]; got != want {
				t.Fatalf("step %d: Unlink(%v) = %v, want %v", step, l, got, want)
			}
			delete(model, l)
		}
		if r.Linked(l.owner, l.owned) != model[l] || r.Len() != len(model) {
			t.Fatalf("step %d: Linked(%v) = %v, Len() = %d, want %v, %d", step, l, !model[l], r.Len(), model[l], len(model))
		}
		got, want := slices.Sorted(r.OwnedBy(l.owner)), owned(l.owner)
		if !slices.Equal(got, want) || r.LenOwnedBy(l.owner) != len(want) ||
			slices.Contains(slices.Collect(r.Owners()), l.owner) != (len(want) > 0) {
			t.Fatalf("step %d: OwnedBy(%d) = %q, want %q", step, l.owner, got, want)
		}
		back, wantBack := slices.Sorted(r.OwnersOf(l.owned)), owners(l.owned)
		if !slices.Equal(back, wantBack) || r.LenOwnersOf(l.owned) != len(wantBack) ||
			slices.Contains(slices.Collect(r.Owned()), l.owned) != (len(wantBack) > 0) {
			t.Fatalf("step %d: OwnersOf(%q) = %d, want %d", step, l.owned, back, wantBack)
		}
	}
}

// TestStressDropOwnerReturnsEachLinkOnceAndIsOneInstant: links are made one after the other, and dropped together.
// Every link that was made is returned by exactly one DropOwner, and from the side of the objects, too, nobody sees a
// part of an owner's links gone.
func TestStressDropOwnerReturnsEachLinkOnceAndIsOneInstant(t *testing.T) {
	const objects, root = 16, -1
	c := newCrew(t)
	var r Owners[int, int]
	made, dropped := 0, make([]int, 2)
	c.work(1, func(_ int, rng *rand.Rand) {
		for range amount(3000) {
			for object := range objects {
				if r.Link(root, object) {
					made++
				}
				r.Link(object, root)
				r.Unlink(object, root)
				waver(rng)
			}
		}
	})
	for i := range dropped {
		c.help(1, func(rng *rand.Rand) {
			n := len(r.DropOwner(root))
			dropped[i] += n
			waver(rng)
		})
	}
	c.help(1, func(*rand.Rand) {
		// Links are made in the order of the objects, over and over, so that at any instant what is linked since the
		// last drop is one run of objects, around the corner or all.
		linked := slices.Sorted(r.OwnedBy(root))
		gaps := 0
		for i, object := range linked {
			if i > 0 && object != linked[i-1]+1 {
				gaps++
			}
		}
		if gaps > 1 || gaps == 1 && (linked[0] != 0 || linked[len(linked)-1] != objects-1) {
			c.failf("an instant between drops shows the links %v", linked)
		}
	})
	c.run()
	if sum := dropped[0] + dropped[1]; sum+r.LenOwnedBy(root) != made {
		t.Errorf("%d links were made, %d dropped, and %d are left", made, sum, r.LenOwnedBy(root))
	}
	r.DropOwner(root)
	if r.Len() != 0 || r.byOwner.NumKeys() != 0 || r.byOwned.NumKeys() != 0 {
		t.Errorf("%d links, %d owners and %d objects are left", r.Len(), r.byOwner.NumKeys(), r.byOwned.NumKeys())
	}
}

func TestOwnersThatCannotBeFoundAreRefused(t *testing.T) {
	var r Owners[float64, string]
	requirePanic(t, "not equal to itself", func() { r.Link(math.NaN(), "a") })
	if r.Unlink(math.NaN(), "a") || r.Len() != 0 || len(r.DropOwner(math.NaN())) != 0 || !r.Link(0, "a") || r.Len() != 1 {
		t.Error("a refused link has left something behind")
	}
}
