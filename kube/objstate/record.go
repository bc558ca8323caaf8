package objstate

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// What is known about a name.
//
// The incarnations of a name follow each other: all versions of one are older than all versions of the next. So the
// newest version that was heard of, and whose it is, decides about everything that has a version, and one
// tombstone for each name is enough. What has no version, the UIDs that are forgotten while another is current, has
// to be listed.
//
// A record is a value: it never changes once it is published, except for what guards itself in its grave. The methods
// below make the next one of it and touch nothing else, so they can be run again and again.

// maxGone is how many UIDs of one name are remembered beside the current one. It takes as many calls of Forget for
// UIDs that the map has not seen to fill it. Chosen by hand, not measured.
const maxGone = 8

type record[S any] struct {
	uid     types.UID   // the incarnation that is current or was last
	version string      // its newest version; empty if it is gone and was never seen
	state   S           // zero if it is gone
	owners  []types.UID // nil if it is gone
	gone    []types.UID // others that are gone at versions unknown; at most maxGone, the last forgotten comes last
	grave   *grave      // nil while it is there
}

// An event is what an object tells of itself.
type event struct {
	key     types.NamespacedName
	uid     types.UID
	version string // well-formed, or empty if it is not known
	owners  []types.UID
}

// A verdict says what an observation means for a name.
type verdict int

const (
	current verdict = iota // another observation of the incarnation that is there
	created                // a new incarnation
	stale                  // older than what is known
	dead                   // of an incarnation that is gone
	clash                  // two incarnations of the same version
)

// isOlder reports whether a is older than b. It is not if one of them is empty, which means unknown.
func isOlder(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order < 0
}

// isLive reports whether there is state in r, which may be nil.
func (r *record[S]) isLive() bool { return r != nil && r.grave == nil }

// judge says what the observation e means after what is known, r, which may be nil.
func (r *record[S]) judge(e event) verdict {
	switch {
	case r == nil:
		return created
	case slices.Contains(r.gone, e.uid), r.uid == e.uid && r.grave != nil:
		return dead
	case r.version == "":
		return created
	case isOlder(e.version, r.version):
		return stale
	case r.uid == e.uid:
		return current
	case e.version == r.version:
		return clash
	}
	return created
}

// observed returns what is known after the observation e, whose verdict is current or created.
func (r *record[S]) observed(e event, state S) *record[S] {
	return &record[S]{uid: e.uid, version: e.version, state: state, owners: e.owners, gone: r.goneWithout(e.uid)}
}

// with returns r with another state.
func (r *record[S]) with(state S) *record[S] {
	next := *r
	next.state = state
	return &next
}

// deleted returns what is known after e, a deletion, or nil if it says nothing new.
func (r *record[S]) deleted(e event) *record[S] {
	switch {
	case r == nil || r.uid != e.uid && (r.version == "" || isOlder(r.version, e.version)):
		return r.buried(e, e.version) // nothing as new is known of the name
	case r.uid == e.uid:
		version := cmp.Or(r.version, e.version) // any of its versions tells its place among the incarnations
		if r.grave != nil && version == r.version {
			return nil
		}
		return r.buried(e, version)
	case e.version != "" || slices.Contains(r.gone, e.uid):
		return nil // an incarnation from before the current one: its events are older than what is known
	}
	return r.without(e)
}

// buried returns the tombstone of e's incarnation, in the place of r, which may be nil.
func (r *record[S]) buried(e event, version string) *record[S] {
	return &record[S]{uid: e.uid, version: version, gone: r.goneWithout(e.uid), grave: &grave{key: e.key}}
}

// without returns r with another UID that is gone.
func (r *record[S]) without(e event) *record[S] {
	next := *r
	next.gone = lastOf(append(slices.Clone(r.gone), e.uid))
	if r.grave != nil {
		next.grave = &grave{key: e.key}
	}
	return &next
}

// goneWithout returns the UIDs, other than uid, that have to be listed when uid becomes the current one. A tombstone
// without a version is one: its events may be newer than uid's.
func (r *record[S]) goneWithout(uid types.UID) []types.UID {
	if r == nil {
		return nil
	}
	gone := slices.DeleteFunc(slices.Clone(r.gone), func(u types.UID) bool { return u == uid })
	if r.version == "" && r.uid != uid {
		gone = append(gone, r.uid)
	}
	return lastOf(gone)
}

func lastOf(gone []types.UID) []types.UID { return gone[max(0, len(gone)-maxGone):] }
