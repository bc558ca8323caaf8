// Package shard spreads the reconcilers of a controller over its replicas: each key is reconciled by one replica at a
// time.
//
// Keys are hashed to partitions (xxHash64), and partitions to the replicas that are there (rendezvous hashing), each of
// which has a Lease that says what it owns:
//
//	clients, err := kubernetes.NewForConfig(mgr.GetConfig())
//	sharder, err := shard.New(clients.CoordinationV1().Leases("operators"), shard.Options{Group: "widgets"})
//	err = mgr.Add(sharder)
//	err = ctrl.NewControllerManagedBy(mgr).
//		For(&Widget{}, builder.WithPredicates(sharder.Predicate())). // drops events of keys that others own
//		WatchesRawSource(sharder.Source(mgr.GetClient(), &WidgetList{})). // queues the keys that are gained
//		Complete(sharder.Reconciler(reconciler)) // counts work, and drops keys that were lost in the queue
//
// The manager must not elect a leader for this controller: controller.Options{NeedLeaderElection: new(false)} or
// no LeaderElection at all. A program without controller-runtime runs [Sharder.Run], queues keys in OnGained, asks
// [Sharder.Owns] when an event arrives, and works within [Sharder.Do].
//
// The account that the replicas run under needs a Role with these rules in the namespace of the Leases, for this package:
//
//	rules:
//	- apiGroups: [coordination.k8s.io]
//	  resources: [leases]
//	  verbs: [create, get, list, update, delete]
//
// # Guarantees
//
//   - No two replicas own a key at a time. A new owner starts a partition after the old one has drained it – all work in it has
//     returned, and OnLost too – and dropped it from its Lease, or when the old one's Lease has expired. An owner whose
//     Lease was not renewed for RenewDeadline owns nothing from that instant on, by its own clock, whether or not it has
//     noticed; the contexts of its work end; and nobody takes over before LeaseDuration is over.
//   - No key is forgotten. If the API server answers, every partition is owned, after a crash within LeaseDuration and some
//     RenewIntervals, after a planned change within some RenewIntervals and the time that the work takes.
//     Whoever gains a partition is told, however short the time since it was lost. It is for him to find out which keys
//     there are, and an object that was deleted is in no list: see [Sharder.Source].
//   - Clocks need not agree. Replicas judge each other's Leases by how long they themselves have seen no change. Clocks must run at
//     about the same speed: up to the ratio of LeaseDuration to RenewDeadline, 1.5 if nothing else is said.
//   - Owns is a hash, a load and a look at the clock; it takes no lock and allocates nothing, for predicates that see every
//     event.
//
// The argument is in machine.go, beside the protocol. It asks of the API server what it gives: updates and deletions
// that are conditional on a resourceVersion, and lists of the most recent state.
//
// # What it cannot do
//
// It cannot fence writes to other systems. A replica that is stopped in the middle of a request – by SIGSTOP, a
// debugger, a long collection, a starved node – and goes on after LeaseDuration, completes that request, beside the new
// owner. It owns nothing any more, and the next call of Owns or Do says so, but what is under way is under way. The
// same holds for work that does not stop when its context ends. If that matters, the system that is written to has to
// refuse the late write: by a resourceVersion, as every update of a Kubernetes object does, or another token that the
// new owner raises.
//
// Nor can it see that a whole machine was suspended while its monotonic clock stood still, as some virtual machines do
// it; leader election has the same gap. And it relies on its Leases being left alone: who deletes the Lease of a living
// replica by hand, or writes to it, lets others take over before that replica notices, at its next renewal.
//
// # When not to use it
//
// If one replica can do the work, elect a leader: that is simpler, and as available. This package shares the work, not
// the memory: every replica's cache has all objects, and sees all events. If it is the cache that is too large, run a
// deployment for each part of the namespaces or labels. Each replica makes an update and a list of all Leases per
// RenewInterval, which is 2 s unless said otherwise; so this is for some dozens of replicas, and not for thousands.
package shard
