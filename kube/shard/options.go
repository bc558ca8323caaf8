package shard

import (
	"fmt"
	"math"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Options say who shares the keys, and how. Every replica of a group should be given the same, apart from Identity.
type Options struct {
	// Group names the replicas that share the keys: those of one controller. It is a DNS label, such as "widgets", the
	// value of a label of their Leases, and the beginning of the Leases' names. It has no default.
	Group string

	// Identity tells the replicas of a group apart for people, and for the choice of partitions: a replica that starts
	// again under its old identity is given its old partitions. It is a DNS subdomain of at most 150 bytes, and by
	// default the name of the host, which in a pod is the pod's name. Nothing breaks if two replicas have the same one,
	// but one of them gets no work.
	Identity string

	// Partitions is how many partitions the keys are spread over, 1 to 256; it is 128 if 0. It takes about ten for each
	// replica to share fairly. It may be changed between releases of a program: while replicas of one number own
	// anything, those of another wait.
	Partitions int

	// LeaseDuration is for how long the others wait for a replica that does not renew its Lease before they take its
	// partitions; 15 s if 0, and rounded up to whole seconds.
	LeaseDuration time.Duration

	// RenewDeadline is for how long a replica relies on a renewal; two thirds of LeaseDuration if 0. It must be less
	// than LeaseDuration: the difference is the time in which work that has lost its partition can notice that its
	// context ended, and the allowance for clocks of different speed.
	RenewDeadline time.Duration

	// RenewInterval is the time between two renewals, at each of which the Leases of the group are listed, too; a fifth
	// of RenewDeadline if 0. It must be at most half of RenewDeadline. A planned hand-over takes two or three of
	// them.
	RenewInterval time.Duration

	// DrainTimeout is how long the work in a partition that goes to another replica may take to end before its context
	// ends. The partition is dropped when the work has returned, not earlier. If it is 0, the context ends
	// only if the Lease is lost.
	DrainTimeout time.Duration

	// OnGained, if not nil, is called after this replica has gained partitions, which it then owns, with their numbers
	// in ascending order. It is where the keys of these partitions have to be queued: events of them were filtered out
	// before. [Sharder.Source] does that for a controller.
	OnGained func(partitions []int)

	// OnLost, if not nil, is called after this replica has lost partitions, which it then no longer owns, though work in
	// them may not have ended. They are dropped after it has returned, so that here is where state that it kept for
	// their keys can be written out, or forgotten.
	//
	// Both functions are called one call after the other, in the order of what happened, with no lock held. They should
	// return soon, but what they wait for keeps no Lease from being renewed. If one panics or calls [runtime.Goexit],
	// the replica leaves, and Run returns an error that says so.
	OnLost func(partitions []int)
}

const (
	defaultPartitions    = 128
	defaultLeaseDuration = 15 * time.Second // as that of client-go's and controller-runtime's leader election
	maxIdentity          = 150
)

// withDefaults returns o with the defaults filled in, or an error that names what is wrong with it.
func (o Options) withDefaults() (Options, error) {
	if o.Identity == "" {
		host, err := os.Hostname()
		if err != nil {
			return o, fmt.Errorf("shard: Identity \"\": want one, as the host has no name: %w", err)
		}
		o.Identity = host
	}
	if o.Partitions == 0 {
		o.Partitions = defaultPartitions
	}
	if o.LeaseDuration == 0 {
		o.LeaseDuration = defaultLeaseDuration
	}
	if o.RenewDeadline == 0 {
		o.RenewDeadline = o.LeaseDuration * 2 / 3
	}
	if o.RenewInterval == 0 {
		o.RenewInterval = o.RenewDeadline / 5
	}
	err := o.check()
	o.LeaseDuration = wholeSeconds(o.LeaseDuration)
	return o, err
}

func (o Options) check() error {
	if why := validation.IsDNS1123Label(o.Group); len(why) > 0 {
		return fmt.Errorf("shard: Group %q: %s", o.Group, why[0])
	}
	if why := validation.IsDNS1123Subdomain(o.Identity); len(why) > 0 {
		return fmt.Errorf("shard: Identity %q: %s", o.Identity, why[0])
	}
	if len(o.Identity) > maxIdentity {
		return fmt.Errorf("shard: Identity %q: want at most %d bytes", o.Identity, maxIdentity)
	}
	if o.Partitions < 1 || o.Partitions > maxPartitions {
		return fmt.Errorf("shard: Partitions %d: want 1 to %d", o.Partitions, maxPartitions)
	}
	if o.LeaseDuration <= 0 || o.LeaseDuration > math.MaxInt32*time.Second {
		return fmt.Errorf("shard: LeaseDuration %v: want more than 0 and less than 2³¹ seconds", o.LeaseDuration)
	}
	if o.RenewDeadline <= 0 || o.RenewDeadline >= o.LeaseDuration {
		return fmt.Errorf("shard: RenewDeadline %v: want more than 0 and less than the LeaseDuration, %v",
			o.RenewDeadline, o.LeaseDuration)
	}
	if o.RenewInterval <= 0 || o.RenewInterval > o.RenewDeadline/2 {
		return fmt.Errorf("shard: RenewInterval %v: want more than 0 and at most half of the RenewDeadline, %v",
			o.RenewInterval, o.RenewDeadline)
	}
	if o.DrainTimeout < 0 {
		return fmt.Errorf("shard: DrainTimeout %v: want 0 or more", o.DrainTimeout)
	}
	return nil
}
