package shard

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"
)

// Start is [Sharder.Run], under the name by which a controller-runtime manager calls it: manager.Add takes a Sharder as
// it is.
func (s *Sharder) Start(ctx context.Context) error { return s.Run(ctx) }

// NeedLeaderElection returns false: a controller-runtime manager starts the Sharder whether or not it leads.
func (s *Sharder) NeedLeaderElection() bool { return false }

// Run takes part in the group until ctx ends. Then it owns nothing any more, waits until the work that is under way has
// returned, gives each partition away as soon as it is drained, deletes its Lease, and returns nil. If there is no API
// server to delete it from, Run tries for as long as the Lease is valid, at least once, and then returns an error: the
// others have to wait until it expires, if it is there.
//
// Requests that fail are retried with exponential backoff, and logged by the logger of ctx (klog.FromContext). If the
// Lease cannot be renewed before Options.RenewDeadline, or is gone, everything is lost; as soon as there is an API
// server again, the replica joins as if it were new. One that can renew its Lease, but not list those of the others,
// keeps what it owns, and gains nothing. If OnGained or OnLost panics or calls runtime.Goexit, Run does
// what it does at the end of ctx, and returns an error with the panic and its stack.
//
// Run may be called once, and returns an error if it is called again.
func (s *Sharder) Run(ctx context.Context) error {
	if !s.ran.CompareAndSwap(false, true) {
		return fmt.Errorf("shard: Run of %s: it was called before: make another Sharder", s.name)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	o := s.options
	r := &runner{
		Sharder: s,
		machine: &machine{
			self: record{
				name: s.name, identity: o.Identity, duration: o.LeaseDuration, scheme: schemeOf(o.Partitions),
			},
			n: o.Partitions, deadline: o.RenewDeadline, interval: o.RenewInterval,
		},
		published: spent,
		called:    make(chan struct{}),
		cancel:    cancel,
	}
	close(r.called)
	r.resetBackoff()
	err := r.loop(ctx)
	<-r.called
	return errors.Join(r.broken, err)
}

// runner is the state of Run. Only its goroutine uses it, but for what is said to belong to the calls of OnGained and
// OnLost.
type runner struct {
	*Sharder
	machine   *machine
	open      set    // the gates that are open: what the machine held when apply was called last
	lapses    int    // the machine's, then
	published *grant // what this runner put into Sharder.grant

	backoff wait.Backoff
	retryAt time.Time
	failure error // of the last request; nil if it succeeded

	called chan struct{} // closed when the last call of OnGained or OnLost has returned
	cancel context.CancelCauseFunc
	broken error // belongs to the calls: the first one that did not return
}

func (r *runner) loop(ctx context.Context) error {
	for {
		if ctx.Err() != nil && !r.machine.leaving {
			r.machine.leave()
			r.failure = nil // of what is to be done now, nothing has been tried
			r.resetBackoff()
		}
		now := time.Now()
		r.machine.tick(now)
		r.apply(ctx)
		for p := range r.machine.draining.all() {
			if r.gates[p].isDrained() {
				r.machine.drained(p)
			}
		}
		a := r.machine.next(now)
		if a.verb == finish {
			return nil
		}
		if r.machine.leaving && r.machine.draining.isEmpty() && r.machine.until.IsZero() && r.failure != nil {
			return fmt.Errorf("shard: the Lease %s may be there until it expires: %w", r.name, r.failure)
		}
		if at := r.notBefore(a); at.After(now) {
			r.sleep(ctx, at.Sub(now))
			continue
		}
		r.perform(ctx, a)
	}
}

// notBefore returns the time at which to perform a. What fails beside a Lease that is in order does not delay its renewal.
func (r *runner) notBefore(a action) time.Time {
	retryAt := r.retryAt
	if m := r.machine; m.standing == sure && m.renewAt.Before(retryAt) {
		retryAt = m.renewAt
	}
	if retryAt.After(a.at) {
		return retryAt
	}
	return a.at
}

// sleep returns after d, or earlier if there is something to do: work has ended, ctx has, or the deadline passes.
func (r *runner) sleep(ctx context.Context, d time.Duration) {
	if until := r.machine.until; !until.IsZero() {
		d = min(d, time.Until(until))
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	ended := ctx.Done()
	if r.machine.leaving {
		ended = nil
	}
	select {
	case <-timer.C:
	case <-r.wake:
	case <-ended:
	}
}

// perform makes the request, tells the machine what came of it, and does what follows.
func (r *runner) perform(ctx context.Context, a action) {
	sent := time.Now()
	ans, err := r.request(ctx, sent, a)
	r.machine.answered(a, sent, time.Now(), ans)
	r.apply(ctx)
	if err == nil {
		r.failure, r.retryAt = nil, time.Time{}
		if a.verb == create || a.verb == update { // between writes that fail, reads may succeed
			r.resetBackoff()
		}
		return
	}
	delay := r.backoff.Step()
	r.failure = fmt.Errorf("shard: %v Lease %s: %w", a.verb, a.record.name, err)
	r.retryAt = time.Now().Add(delay)
	klog.FromContext(ctx).Error(r.failure, "A request failed and will be retried",
		"group", r.options.Group, "retryAfter", delay, "validUntil", r.machine.until)
}

func (r *runner) resetBackoff() {
	r.retryAt, r.backoff = time.Time{}, r.newBackoff()
}

// newBackoff returns a backoff for requests that leaves several attempts to each renewal.
func (s *Sharder) newBackoff() wait.Backoff {
	interval := s.options.RenewInterval
	return wait.Backoff{Duration: interval / 16, Factor: 2, Jitter: 0.5, Steps: 16, Cap: interval}
}

// request makes the request that a says. It ends when the deadline passes, when half of the time that a renewal is good
// for has passed, or when ctx ends – unless the replica is leaving: then ctx has ended long ago; or creates its Lease: if
// that were given up, the Lease might appear after the replica has left.
func (r *runner) request(ctx context.Context, sent time.Time, a action) (answer, error) {
	if r.machine.leaving || a.verb == create {
		ctx = context.WithoutCancel(ctx)
	}
	limit := sent.Add(r.options.RenewDeadline / 2)
	if until := r.machine.until; !until.IsZero() && until.Before(limit) {
		limit = until
	}
	ctx, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	switch a.verb {
	case create:
		lease, err := r.leases.Create(ctx, r.leaseOf(a.record, sent), metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) { // an earlier attempt has succeeded
			return answer{outcome: exists}, nil
		}
		return r.answer(ctx, lease, err)
	case get:
		lease, err := r.leases.Get(ctx, a.record.name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return answer{outcome: missing}, nil
		}
		return r.answer(ctx, lease, err)
	case update:
		lease, err := r.leases.Update(ctx, r.leaseOf(a.record, sent), metav1.UpdateOptions{})
		return r.answer(ctx, lease, err)
	case remove:
		return r.remove(ctx, a.record)
	}
	return r.list(ctx)
}
