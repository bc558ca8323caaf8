package shard

import (
	"fmt"
	"slices"
)

// check checks P1 and P2.
func (w *world) check() {
	var valid []*simReplica
	for _, r := range w.replicas {
		switch {
		case r.gone:
		case r.valid():
			valid = append(valid, r)
		default:
			r.zombie = r.zombie.union(r.working)
		}
	}
	for _, r := range valid {
		for _, other := range valid {
			if other == r {
				continue
			}
			if r.meets(other, other.held) {
				w.fail("P1: %s holds %v, and %s %v", r.self.name, r.held.list(), other.self.name, other.held.list())
			}
			if at := other.working.minus(other.zombie); r.meets(other, at) {
				w.fail("P2: %s holds %v, while %s is at work in %v", r.self.name, r.held.list(), other.self.name, at.list())
			}
		}
	}
}

// meets tells whether r holds a partition that has keys of another replica's partitions.
func (r *simReplica) meets(other *simReplica, partitions set) bool {
	if r.self.scheme == other.self.scheme {
		return !r.held.intersect(partitions).isEmpty()
	}
	return !r.held.isEmpty() && !partitions.isEmpty()
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	for _, line := range w.trace[max(0, len(w.trace)-60):] {
		w.t.Log(line)
	}
	w.t.Fatalf("after %v: "+format, append([]any{w.now}, args...)...)
}

// settle ends all disturbances, and checks P3 and P4 in the end.
func (w *world) settle() {
	w.calm, w.downTill, w.temper = true, 0, temper{step: simInterval / 8, idle: []int{2}, stray: 1}
	for _, execute := range w.strays {
		execute()
	}
	w.strays = nil
	for range 2 { // the others may be leaving
		w.join()
	}
	for _, r := range w.replicas {
		r.paused, r.deaf = 0, 0
	}
	wrong := "nothing was tried"
	for range 100 {
		for range 20 {
			w.step()
		}
		if wrong = w.wrong(); wrong == "" {
			return
		}
	}
	w.fail("%s", wrong)
}

// wrong says what is missing to P3 and P4.
func (w *world) wrong() (why string) {
	if len(w.store) != len(w.replicas) {
		return fmt.Sprintf("P4: %d Leases of %d replicas", len(w.store), len(w.replicas))
	}
	for _, scheme := range w.schemes {
		if !slices.ContainsFunc(w.replicas, func(r *simReplica) bool { return r.self.scheme == scheme }) {
			continue
		}
		if why = w.wrongWith(scheme); why == "" {
			return ""
		}
	}
	return why
}

// wrongWith says what is missing to P3 if it is this scheme that is to be served.
func (w *world) wrongWith(scheme string) string {
	var members []record
	for _, r := range w.replicas {
		if r.self.scheme == scheme {
			members = append(members, r.self)
		}
	}
	for _, r := range w.replicas {
		var want set
		if r.self.scheme == scheme {
			others := slices.DeleteFunc(slices.Clone(members), func(o record) bool { return o.name == r.self.name })
			want = wins(r.self, others, simPartitions)
		}
		if r.held != want || !r.valid() {
			return fmt.Sprintf("P3: %s holds %v, valid: %v, want %v", r.self.name, r.held.list(), r.valid(), want.list())
		}
	}
	return ""
}
