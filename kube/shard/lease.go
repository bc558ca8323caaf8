package shard

import (
	"fmt"
	"math"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// What a Lease says beside its spec. Owned is a bitmap in hexadecimal: partition p is bit p%8 of byte p/8.
const (
	groupLabel        = "shardmap-go.github.io/shard-group"
	schemeAnnotation  = "shardmap-go.github.io/shard-scheme"
	ownedAnnotation   = "shardmap-go.github.io/shard-owned"
	leavingAnnotation = "shardmap-go.github.io/shard-leaving"
)

// leaseOf returns the Lease that says r. The times in it are for people: no replica reads them. But each makes a new
// version of the Lease, which is what others see. The UID is a precondition of an update, as the resourceVersion is, and
// needed: without it, the API server would create a Lease anew that has been deleted, and that others take for expired.
func (s *Sharder) leaseOf(r record, now time.Time) *coordinationv1.Lease {
	renewed, started := metav1.NewMicroTime(now), metav1.NewMicroTime(s.started)
	seconds := int32(r.duration / time.Second) // whole seconds, see New
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Name: r.name, UID: types.UID(r.uid), ResourceVersion: r.version,
			Labels: map[string]string{groupLabel: s.options.Group},
			Annotations: map[string]string{
				schemeAnnotation: r.scheme,
				ownedAnnotation:  r.owned.encode(s.options.Partitions),
			},
		},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: &r.identity, LeaseDurationSeconds: &seconds, AcquireTime: &started, RenewTime: &renewed,
		},
	}
	if r.leaving {
		lease.Annotations[leavingAnnotation] = "true"
	}
	return lease
}

// recordOf returns what lease says. If that cannot be understood, it is taken to own everything, under a scheme of its
// own, and to last for the longest time that is known, and err says why.
func (s *Sharder) recordOf(lease *coordinationv1.Lease) (r record, err error) {
	r = record{
		name: lease.Name, uid: string(lease.UID), version: lease.ResourceVersion,
		duration: s.options.LeaseDuration,
		scheme:   lease.Annotations[schemeAnnotation],
		leaving:  lease.Annotations[leavingAnnotation] != "",
	}
	if id := lease.Spec.HolderIdentity; id != nil {
		r.identity = *id
	}
	if seconds := lease.Spec.LeaseDurationSeconds; seconds != nil && *seconds > 0 {
		r.duration = time.Duration(*seconds) * time.Second
	}
	var n int
	if _, err = fmt.Sscanf(r.scheme, "xxh64/%d", &n); err == nil {
		r.owned, err = decodeSet(lease.Annotations[ownedAnnotation], n)
	}
	if err != nil {
		r.scheme, r.owned = "", firstN(maxPartitions)
		err = fmt.Errorf("shard: Lease %s with annotations %q: %w", lease.Name, lease.Annotations, err)
	}
	return r, err
}

// wholeSeconds rounds d up: others shall not wait for less.
func wholeSeconds(d time.Duration) time.Duration {
	return time.Duration(math.Ceil(d.Seconds())) * time.Second
}
