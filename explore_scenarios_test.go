//go:build explore

package shardmap

// scenarios are small meetings of every kind. A key up to entries is present at the beginning, 20 and up are absent.
func scenarios[V any](v func(int) V) []scenario[V] {
	type m = *tested[V]
	type tasks = []func(m)
	type plain = *Map[int, V]
	split := func(m plain) bool { return m.splits.Load() > 0 }
	copied := func(m plain) bool { return m.copies.Load() > 0 }
	rehashed := func(m plain) bool { return m.dir.Load().replaced }
	share := func(m plain) { m.Snapshot() }
	constant := func(int) uint64 { return 7 }
	twoShards := fillsShard + 4
	paged := 40
	return []scenario[V]{
		{name: "first writes", tasks: tasks{
			func(m m) { m.store(20, 1); m.load(21) },
			func(m m) { m.store(21, 2); m.load(20) },
			func(m m) { m.snapshot() },
		}},
		{name: "same new key", entries: 2, tasks: tasks{
			func(m m) { m.loadOrStore(20, 100); m.load(20) },
			func(m m) { m.loadOrStore(20, 200); m.delete(20) },
			func(m m) { m.swap(20, 300) },
		}},
		{name: "update and delete", entries: 3, tasks: tasks{
			func(m m) { m.store(1, 100); m.load(1) },
			func(m m) { m.delete(1); m.load(1) },
			func(m m) { m.swap(1, 200) },
		}},
		{name: "delete and insert again", entries: 3, tasks: tasks{
			func(m m) { m.delete(1); m.store(1, 100) },
			func(m m) { m.load(1); m.load(1) },
			func(m m) { m.delete(2); m.store(20, 300); m.store(2, 200) },
		}},
		{name: "insert after a delete", entries: 2, tasks: tasks{
			func(m m) { m.store(1, 100); m.load(1) },
			func(m m) { m.delete(1); m.store(1, 200) },
		}},
		// In a bucket of which all slots were used; a reader may know the slot's former tag.
		{name: "insert into an emptied slot", entries: fillsBucket, tasks: tasks{
			func(m m) { m.store(1, 100); m.load(1) },
			func(m m) { m.delete(1); m.store(1, 200) },
		}},
		{name: "load from an emptied slot", entries: fillsBucket, tasks: tasks{
			func(m m) { m.load(1); m.load(1) },
			func(m m) { m.delete(1); m.store(1, 200) },
		}},
		{name: "another key in an emptied slot", entries: fillsBucket, tasks: tasks{
			func(m m) { m.load(20); m.load(1); m.load(20) },
			func(m m) { m.delete(1); m.store(20, 100); m.delete(20); m.store(1, 200) },
		}},
		{name: "the former tag of a slot", entries: fillsBucket, tasks: tasks{ // which it has again in the end
			func(m m) { m.load(1); m.load(1) },
			func(m m) { m.delete(1); m.store(20, 100); m.delete(20); m.store(1, 200) },
		}},
		{name: "delete of what is being replaced", entries: fillsBucket, tasks: tasks{
			func(m m) { m.delete(1); m.load(1) },
			func(m m) { m.store(1, 100); m.load(1) },
			func(m m) { m.loadOrStore(1, 200); m.delete(1) },
		}},
		{name: "delete and split", entries: fillsShard, met: split, tasks: tasks{
			func(m m) { m.delete(1); m.store(1, 100) },
			func(m m) { m.store(20, 200); m.store(21, 200) },
			func(m m) { m.delete(1); m.load(1) },
		}},
		{name: "delete and snapshot", entries: 3, tasks: tasks{
			func(m m) { m.delete(1); m.delete(2) },
			func(m m) { m.snapshot(); m.delete(1) },
			func(m m) { m.clear(); m.store(1, 100) },
		}},
		{name: "compare and delete, and snapshot", entries: 3, tasks: tasks{
			func(m m) { m.compareAndDelete(1, 1); m.load(1) },
			func(m m) { m.snapshot(); m.load(1) },
		}},
		{name: "compare", entries: 3, tasks: tasks{
			func(m m) { m.compareAndSwap(1, 1, 100); m.compareAndSwap(1, 200, 1) },
			func(m m) { m.compareAndSwap(1, 1, 200); m.load(1) },
			func(m m) { m.compareAndDelete(1, 100); m.compareAndDelete(1, 1) },
		}},
		{name: "compute", entries: 3, tasks: tasks{
			func(m m) { m.increment(1, 21); m.increment(20, 10) },
			func(m m) { m.increment(1, 21); m.increment(20, 10) },
			func(m m) { m.increment(1, 21); m.delete(20) },
		}},
		{name: "bucket full", entries: fillsBucket, tasks: tasks{
			func(m m) { m.store(20, 100); m.load(1) },
			func(m m) { m.store(21, 200); m.load(20) },
			func(m m) { m.store(1, 300); m.delete(2) },
		}},
		{name: "split", entries: fillsShard, met: split, tasks: tasks{
			func(m m) { m.store(20, 100); m.load(1) },
			func(m m) { m.store(21, 200); m.load(20) },
			func(m m) { m.store(1, 300); m.delete(2) },
		}},
		// The shard that is split does not look full any more afterwards.
		{name: "insert and split of a shard with room", entries: fillsShard, prepare: func(m plain) { m.Delete(1) }, met: split, tasks: tasks{
			func(m m) { m.store(20, 100); m.load(20) },
			func(m m) { m.store(21, 200); m.load(21) },
		}},
		{name: "split and load", entries: fillsShard, met: split, tasks: tasks{
			func(m m) { m.store(20, 100); m.store(22, 100) },
			func(m m) { m.load(1); m.load(20); m.load(8) },
		}},
		{name: "split and range", entries: fillsShard, met: split, tasks: tasks{
			func(m m) { m.store(20, 100); m.store(22, 100); m.store(24, 100) },
			func(m m) { m.ranges(1) },
		}},
		{name: "splits and range", entries: twoShards, met: split, tasks: tasks{
			func(m m) { m.store(20, 100); m.store(21, 100); m.store(22, 100); m.store(23, 100); m.store(24, 100) },
			func(m m) { m.ranges(1) },
		}},
		{name: "split of a shared shard", entries: fillsShard, prepare: share, met: split, tasks: tasks{
			func(m m) { m.store(20, 100); m.load(1) },
			func(m m) { m.store(1, 200); m.delete(2) },
			func(m m) { m.snapshot() },
		}},
		{name: "split and snapshot", entries: fillsShard, met: split, tasks: tasks{
			func(m m) { m.store(20, 100); m.store(1, 200) },
			func(m m) { m.snapshot() },
			func(m m) { m.delete(2); m.store(21, 300) },
		}},
		{name: "pages", entries: paged, met: split, tasks: tasks{
			func(m m) { m.store(60, 100); m.store(61, 100); m.store(62, 100) },
			func(m m) { m.store(70, 200); m.store(71, 200); m.store(72, 200) },
			func(m m) { m.snapshot(); m.load(60) },
		}},
		{name: "snapshot and update", entries: 3, met: copied, tasks: tasks{
			func(m m) { m.snapshot(); m.store(1, 100) },
			func(m m) { m.store(1, 200); m.store(2, 200); m.store(1, 300) },
		}},
		{name: "snapshot, insert and delete", entries: 3, met: copied, tasks: tasks{
			func(m m) { m.snapshot(); m.snapshot() },
			func(m m) { m.store(20, 100); m.delete(1) },
			func(m m) { m.delete(2); m.store(2, 200) },
		}},
		{name: "two snapshots", entries: 3, tasks: tasks{
			func(m m) { m.snapshot() },
			func(m m) { m.snapshot() },
			func(m m) { m.store(1, 100); m.store(2, 200); m.store(1, 101) },
		}},
		{name: "shared entries", entries: 3, prepare: share, met: copied, tasks: tasks{
			func(m m) { m.store(1, 100); m.load(1) },
			func(m m) { m.swap(1, 200); m.delete(2) },
			func(m m) { m.load(1); m.load(1); m.load(2) },
		}},
		{name: "shared entries in some slots", entries: 3, prepare: func(m plain) { m.Snapshot(); m.Store(3, v(50)) }, tasks: tasks{
			func(m m) { m.compareAndSwap(1, 1, 100); m.snapshot() },
			func(m m) { m.delete(1); m.store(3, 100) },
			func(m m) { m.loadOrStore(1, 200); m.store(3, 200) },
		}},
		{name: "clear", entries: 3, tasks: tasks{
			func(m m) { m.clear(); m.load(1) },
			func(m m) { m.store(1, 100); m.load(1) },
			func(m m) { m.store(20, 200); m.snapshot() },
		}},
		{name: "clear and split", entries: fillsShard, tasks: tasks{
			func(m m) { m.clear() },
			func(m m) { m.store(20, 100); m.delete(1) },
			func(m m) { m.store(2, 200); m.load(20) },
		}},
		{name: "clone", entries: 3, tasks: tasks{
			func(m m) { m.clone() },
			func(m m) { m.store(1, 100); m.store(20, 100) },
			func(m m) { m.delete(2); m.clone() },
		}},
		{name: "replace", entries: 3, tasks: tasks{
			func(m m) { m.replace(content{1: 100, 30: 100}) },
			func(m m) { m.store(1, 200); m.store(20, 200) },
			func(m m) { m.snapshot(); m.delete(30) },
		}},
		{name: "replace twice", entries: 3, tasks: tasks{
			func(m m) { m.replace(content{1: 100}); m.load(2) },
			func(m m) { m.replace(content{2: 200}); m.load(1) },
			func(m m) { m.increment(1, 1000) },
		}},
		{name: "shrink", entries: twoShards, tasks: tasks{
			func(m m) { m.shrink() },
			func(m m) { m.store(1, 100); m.store(20, 100) },
			func(m m) { m.delete(2); m.load(1) },
		}},
		{name: "shrink of shared shards", entries: fillsShard, prepare: share, tasks: tasks{
			func(m m) { m.shrink(); m.store(1, 100) },
			func(m m) { m.store(1, 200); m.delete(2) },
		}},
		{name: "shrink of what a snapshot has", entries: fillsShard, tasks: tasks{
			func(m m) { m.snapshot() },
			func(m m) { m.shrink(); m.store(1, 200); m.delete(2) },
		}},
		{name: "rehash", entries: 2 * bucketEntries, hasher: constant, met: rehashed, tasks: tasks{
			func(m m) { m.store(20, 100); m.load(1) },
			func(m m) { m.store(1, 200); m.store(21, 200) },
			func(m m) { m.delete(2); m.load(20) },
		}},
		{name: "rehash and snapshot", entries: 2 * bucketEntries, hasher: constant, met: rehashed, tasks: tasks{
			func(m m) { m.store(20, 100); m.snapshot() },
			func(m m) { m.snapshot(); m.store(1, 200) },
		}},
		{name: "rehash and replace", entries: 2 * bucketEntries, hasher: constant, met: rehashed, tasks: tasks{
			func(m m) { m.store(20, 100); m.load(1) },
			func(m m) { m.replace(content{1: 300, 30: 300}); m.store(31, 300) },
			func(m m) { m.load(30); m.delete(1) },
		}},
		{name: "more lanes", entries: fillsShard, tasks: tasks{
			func(m m) { m.store(20, 100); m.store(21, 100) },
			func(m m) { m.delete(1); m.snapshot() },
			func(m m) { m.store(2, 200); m.delete(3) },
		}, met: func(m plain) bool { return m.lanes.Load().mask > 0 }},
	}
}
