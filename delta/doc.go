// Package delta keeps a versioned set of resources and tells clients what changed since the revision that they have: the
// server side of incremental xDS, of a watch cache, of anything that keeps many copies of one state up to date by
// sending only what is new.
//
//	var clusters delta.Set[string, *Cluster] // revision 0
//	clusters.Update(&batch)                  // revision 1: any number of changes at one instant
//
//	subscriber := clusters.Subscribe(ctx, client.revision) // 0, or where it was when it lost its connection
//	defer subscriber.Close()
//	for {
//		d, err := subscriber.Next(ctx) // waits until there is something newer
//		if err != nil {
//			return err
//		}
//		if d.Resync {
//			client.replace(d.State, d.To)
//		} else {
//			client.apply(d.Changes, d.To)
//		}
//		subscriber.Ack(d.To) // or Nack
//	}
//
// # Guarantees
//
// Every change of the [Set] is a commit, which takes effect for all its keys at one instant and makes the next revision.
// Revisions never go back. Reading the set – [Set.Load], [Set.Snapshot] – takes no lock, waits for nobody, and costs as
// much as in a [shardmap.Map].
//
// A [Delta] from one revision to a later one has each key that differs exactly once: applied to the content of the one
// it gives the content of the other. Changes that cancel out are not in it. It is for the newest revision there is, so
// that a slow client skips what lies between; there are no queues. The time it takes is in proportion to the changes
// that were committed in between, not to the size of the set.
//
// Removals need to be remembered, and so the memory for them needs a bound. The history keeps what some subscriber has
// not acknowledged, and a little more for those that come back, up to a number of changes (see [WithHistory]). A client
// that is further behind is told to resync, with the whole state at hand. So no client, however slow or dead, costs more
// than that.
//
// # How it works, and why so
//
// The content is a [shardmap.Map], of which each commit publishes a snapshot. What changed is in a log: for each key of
// each commit, what was there before. A delta is one walk over the end of that log.
//
// The other way would have been to keep the snapshots of acknowledged revisions, and [shardmap.Snapshot.Diff]: less code,
// but Diff takes time in proportion to the shards that were written. When 1 % of 10,000 resources change, all over the
// map, nearly every shard has one, and Diff looks at all 10,000: the log was more than thirty times as fast as Diff, and
// more than fifty times as fast as copying the map and comparing the copies ("go test -bench Changes ./delta", side by
// side on a busy machine).
// Snapshots also pin the shards that they were taken of, some 2 KiB for each, where a record of the log is a key, a value
// and two numbers. Diff serves where few shards differ: [Set.Replace] finds with it what others have added meanwhile.
//
// # When not
//
// A commit costs a snapshot, and a copy of the pointers of each shard it touches: microseconds instead of the fraction of
// one that [shardmap.Map.Store] takes. Where nobody asks what changed, use the map. Batch what belongs together. Keys that
// change all the time push the changes of the others out of the history: the bound counts changes, not keys. And nothing
// is on disk: after a restart, clients resync (see [WithRevision]).
//
// The example examples/xds of this repository serves a Set to Envoy's incremental cluster discovery.
package delta
