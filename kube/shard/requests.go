package shard

import (
	"context"
	"fmt"
	"runtime/debug"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
)

// answer is the answer to a request for one Lease.
func (r *runner) answer(ctx context.Context, lease *coordinationv1.Lease, err error) (answer, error) {
	if err != nil {
		return answer{outcome: failed}, err
	}
	return answer{record: r.understand(ctx, lease)}, nil
}

// list asks for the Leases of the group. No resourceVersion asks for the most recent state: R2 needs that.
func (r *runner) list(ctx context.Context) (answer, error) {
	group := labels.Set{groupLabel: r.options.Group}.AsSelector().String()
	all, err := r.leases.List(ctx, metav1.ListOptions{LabelSelector: group})
	if err != nil {
		return answer{outcome: failed}, err
	}
	records := make([]record, len(all.Items))
	for i := range all.Items {
		records[i] = r.understand(ctx, &all.Items[i])
	}
	return answer{records: records}, nil
}

// understand returns what lease says, and logs if it says nothing that can be understood.
func (r *runner) understand(ctx context.Context, lease *coordinationv1.Lease) record {
	record, err := r.recordOf(lease)
	if err != nil {
		klog.FromContext(ctx).Error(err, "A Lease cannot be understood: nothing is started before it is gone",
			"group", r.options.Group)
	}
	return record
}

// remove deletes a Lease if it is still in the version of the record: R1. That it is not is no failure.
func (r *runner) remove(ctx context.Context, lease record) (answer, error) {
	uid := types.UID(lease.uid)
	err := r.leases.Delete(ctx, lease.name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &lease.version},
	})
	switch {
	case err == nil:
		return answer{}, nil
	case apierrors.IsNotFound(err):
		return answer{outcome: missing}, nil
	case apierrors.IsConflict(err):
		return answer{outcome: failed}, nil
	}
	return answer{outcome: failed}, err
}

// apply makes what others see of this replica what the machine says.
func (r *runner) apply(ctx context.Context) {
	m := r.machine
	gained := m.held.minus(r.open)
	for p := range gained.all() {
		r.gates[p].open()
	}
	r.publish()
	lost := r.open.union(gained).minus(m.held)
	for p := range lost.all() { // after Owns says no, so that nothing comes in any more
		r.gates[p].close(r.options.DrainTimeout)
	}
	if r.lapses != m.lapses {
		for p := range m.draining.all() {
			r.gates[p].endNow()
		}
	}
	r.open, r.lapses = m.held, m.lapses
	if !gained.isEmpty() {
		r.tellSources(gained)
		r.call(ctx, "OnGained", r.options.OnGained, gained, func() {})
	}
	if !lost.isEmpty() {
		r.call(ctx, "OnLost", r.options.OnLost, lost, func() {
			for p := range lost.all() {
				r.leave(p)
			}
		})
	}
}

// publish puts what the machine holds, and until when, where Owns sees it. If somebody has found the last grant's
// deadline passed, after the machine found that it had not, it has passed.
func (r *runner) publish() {
	g := &grant{r.machine.held, r.machine.until}
	if r.machine.held.isEmpty() {
		g = spent
	}
	if !r.grant.CompareAndSwap(r.published, g) {
		r.machine.lapse()
		g = spent
		r.grant.Store(g)
	}
	r.published = g
}

// call calls f, if it is not nil, when the call before has returned, and then after, in a goroutine of its own: what f
// waits for may be long in coming. If f does not return, the run is over.
func (r *runner) call(ctx context.Context, name string, f func([]int), partitions set, after func()) {
	klog.FromContext(ctx).V(2).Info(name, "group", r.options.Group, "lease", r.name, "partitions", partitions.list())
	before, called := r.called, make(chan struct{})
	r.called = called
	go func() {
		defer close(called)
		<-before
		defer after()
		if f == nil {
			return
		}
		returned := false
		defer func() {
			if returned {
				return
			}
			err := fmt.Errorf("shard: %s of partitions %v: it called runtime.Goexit", name, partitions.list())
			if v := recover(); v != nil {
				err = fmt.Errorf("shard: %s of partitions %v: panic: %v\n%s", name, partitions.list(), v, debug.Stack())
			}
			if r.broken == nil {
				r.broken = err
			}
			r.cancel(err)
		}()
		f(partitions.list())
		returned = true
	}()
}
