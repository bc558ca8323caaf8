package objstate

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

// Listing is all objects of a resource at one instant.
type Listing struct {
	ResourceVersion string // of the list: all events up to it are in UIDs, newer ones may be
	UIDs            map[types.UID]struct{}
}

// Lister lists all objects that a map may hold a state for. See [ListAll] and [ListStore].
type Lister func(ctx context.Context) (Listing, error)

// Prune drops the states of objects that are not in what list returns, and returns their number. It is for deletions of
// which no event told: those before a restart, or where no informer is bound.
//
// First it lists, then it goes through the map: a state is dropped only if its object is not in the list and the newest
// version of it that was observed is not newer than the list. So an object that was created while or after list ran
// is never pruned, nor is one that a lister which lags behind does not yet know. Each is judged and dropped in
// one step; the object is remembered as gone, as by [Map.Delete].
//
// If list is nil or fails, or the listing's version cannot be compared, nothing is dropped. If ctx ends, Prune stops and
// returns its error with the number dropped so far. list runs with no lock held; Prune goes through the map like
// [Map.All], and locks and allocates for each state that it drops.
func (m *Map[S]) Prune(ctx context.Context, list Lister) (pruned int, err error) {
	if list == nil {
		return 0, fmt.Errorf("objstate: Prune: the lister is nil")
	}
	listing, err := list(ctx)
	if err != nil {
		return 0, fmt.Errorf("objstate: Prune: %w", err)
	}
	if err := checkVersion(listing.ResourceVersion); err != nil {
		return 0, fmt.Errorf("objstate: Prune with a list of resourceVersion %q: %w", listing.ResourceVersion, err)
	}
	for key, r := range m.records.All() {
		if err := ctx.Err(); err != nil {
			return pruned, err
		}
		if r.isMissingIn(listing) && m.prune(key, listing) {
			pruned++
		}
	}
	return pruned, nil
}

// prune drops the state of key if its object is missing in listing, and reports whether it did.
func (m *Map[S]) prune(key types.NamespacedName, listing Listing) bool {
	_, after := m.write(key, func(old *record[S]) *record[S] {
		if !old.isMissingIn(listing) {
			return nil
		}
		return old.buried(event{key: key, uid: old.uid}, old.version)
	})
	if after == nil {
		return false
	}
	m.counts.pruned.Add(1)
	return true
}

// isMissingIn reports whether r, which may be nil, is the state of an object that had gone when listing was made: it was
// there before, at r.version, and then no more.
func (r *record[S]) isMissingIn(listing Listing) bool {
	if !r.isLive() || isOlder(listing.ResourceVersion, r.version) {
		return false
	}
	_, listed := listing.UIDs[r.uid]
	return !listed
}

// ListAll makes a [Lister] of the List method of a client, typed or dynamic, such as clientset.CoreV1().Pods("").List.
// It asks for pages of 500 until it has all of them.
//
// The listing fails if a page cannot be had, if the pages are not of one version, or if something in them has no UID.
func ListAll[L runtime.Object](list func(ctx context.Context, opts metav1.ListOptions) (L, error)) Lister {
	return func(ctx context.Context) (all Listing, err error) {
		if list == nil {
			return all, fmt.Errorf("objstate: ListAll(nil): want a function")
		}
		all.UIDs = make(map[types.UID]struct{})
		for opts := (metav1.ListOptions{Limit: 500}); ; {
			page, err := list(ctx, opts)
			if err != nil {
				return Listing{}, err
			}
			if opts.Continue, err = all.add(page); err != nil {
				return Listing{}, err
			}
			if opts.Continue == "" {
				return all, nil
			}
		}
	}
}

// add adds a page of a list, and returns where the next one starts, or the empty string if there is none.
func (l *Listing) add(page runtime.Object) (next string, err error) {
	header, err := meta.ListAccessor(page)
	if err != nil {
		return "", fmt.Errorf("objstate: list %T: %w", page, err)
	}
	if l.ResourceVersion == "" {
		l.ResourceVersion = header.GetResourceVersion()
	}
	if version := header.GetResourceVersion(); version != l.ResourceVersion {
		return "", fmt.Errorf("objstate: list of resourceVersion %q: its next page is of %q", l.ResourceVersion, version)
	}
	err = meta.EachListItem(page, func(item runtime.Object) error { return l.addItem(item) })
	return header.GetContinue(), err
}

func (l *Listing) addItem(item any) error {
	obj, err := meta.Accessor(item)
	if err != nil {
		return fmt.Errorf("objstate: list with a %T: %w", item, err)
	}
	if obj.GetUID() == "" {
		return fmt.Errorf("objstate: list with %s/%s: it has no UID", obj.GetNamespace(), obj.GetName())
	}
	l.UIDs[obj.GetUID()] = struct{}{}
	return nil
}

// ListStore makes a [Lister] of an informer's store: informer.GetStore(). It costs the API server nothing. The store may
// lag behind; then the listing is of the version that it has got to.
//
// The listing fails if the store does not tell its version, as one does that is not filled yet, if something in it is no
// object, or has no UID.
func ListStore(store cache.Store) Lister {
	return func(context.Context) (Listing, error) {
		if store == nil {
			return Listing{}, fmt.Errorf("objstate: ListStore(nil): want a store")
		}
		// The version comes first: what is listed then is as new, or newer.
		all := Listing{ResourceVersion: store.LastStoreSyncResourceVersion(), UIDs: make(map[types.UID]struct{})}
		for _, item := range store.List() {
			if err := all.addItem(item); err != nil {
				return Listing{}, err
			}
		}
		return all, nil
	}
}
