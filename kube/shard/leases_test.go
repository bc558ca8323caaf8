package shard

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1api "k8s.io/api/coordination/v1"
)

func TestALeaseThatSomebodyDeletesOrChangesIsLostAndMadeAnew(t *testing.T) {
	for name, harm := range map[string]func(f *fakeLeases, name string){
		"deleted": (*fakeLeases).deleteByHand,
		"emptied": func(f *fakeLeases, name string) {
			f.edit(name, func(l *coordinationv1api.Lease) { l.Annotations[ownedAnnotation] = "00" })
		},
		"bared": func(f *fakeLeases, name string) {
			f.edit(name, func(l *coordinationv1api.Lease) { l.Annotations = nil })
		},
		"made another's": func(f *fakeLeases, name string) {
			f.edit(name, func(l *coordinationv1api.Lease) { l.UID = "other" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				leases := newFakeLeases()
				var events []string
				a := run(t, leases, Options{
					Identity: "a", Partitions: 8,
					OnGained: func([]int) { events = append(events, "gained") },
					OnLost:   func([]int) { events = append(events, "lost") },
				})
				sleep()
				harm(leases, a.Name())
				sleep()
				if a.owned() != 8 {
					t.Errorf("afterwards it owns %d of 8 partitions", a.owned())
				}
				a.end(t)
				got := strings.Join(slices.Compact(events), " ") // what drains later is gained later
				if want := "gained lost gained lost"; got != want && (name != "bared" || got != "gained lost") {
					t.Errorf("it %s, want %s", got, want)
				}
			})
		})
	}
}

func TestALeaseThatCannotBeUnderstoodBlocksUntilItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leases := newFakeLeases()
		strange := &coordinationv1api.Lease{}
		strange.Name, strange.Labels = "strange", map[string]string{groupLabel: "widgets"}
		leases.put(strange)
		a := run(t, leases, Options{Identity: "a", Partitions: 8})
		time.Sleep(defaultLeaseDuration - time.Second)
		if a.owned() > 0 {
			t.Errorf("a owns %d partitions", a.owned())
		}
		sleep()
		if a.owned() != 8 || leases.count() != 1 {
			t.Errorf("afterwards a owns %d of 8 partitions; %d Leases", a.owned(), leases.count())
		}
		a.end(t)
	})
}

func TestReplicasWithAnotherNumberOfPartitionsWaitForTheOldOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leases := newFakeLeases()
		a := run(t, leases, Options{Identity: "a", Partitions: 8})
		sleep()
		b := run(t, leases, Options{Identity: "b", Partitions: 16})
		sleep()
		if a.owned() != 8 || b.owned() != 0 {
			t.Errorf("beside each other, a owns %d of 8 partitions, b %d of 16", a.owned(), b.owned())
		}
		a.end(t)
		sleep()
		if b.owned() != 16 {
			t.Errorf("afterwards b owns %d of 16 partitions", b.owned())
		}
		b.end(t)
	})
}

// TestReplicasOfTwoSchemesDoNotBlockEachOtherForEver lets replicas with different numbers of partitions do everything
// at the same time, so that each finds the claims of the other.
func TestReplicasOfTwoSchemesDoNotBlockEachOtherForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leases := newFakeLeases()
		leases.network = func(_ context.Context, _ verb, execute func() error) error {
			time.Sleep(100 * time.Millisecond)
			err := execute()
			time.Sleep(100 * time.Millisecond)
			return err
		}
		a := run(t, leases, Options{Identity: "a", Partitions: 8})
		b := run(t, leases, Options{Identity: "b", Partitions: 16})
		sleep()
		if a.owned() != 0 || b.owned() != 16 {
			t.Errorf("a owns %d of 8 partitions, b %d of 16", a.owned(), b.owned())
		}
		c := run(t, leases, Options{Identity: "c", Partitions: 16})
		sleep()
		if a.owned() != 0 || c.owned() == 0 || b.owned()+c.owned() != 16 {
			t.Errorf("with c, a owns %d of 8 partitions, b %d and c %d of 16", a.owned(), b.owned(), c.owned())
		}
		b.end(t)
		c.end(t)
		sleep()
		if a.owned() != 8 {
			t.Errorf("alone, a owns %d of 8 partitions", a.owned())
		}
		a.end(t)
	})
}
