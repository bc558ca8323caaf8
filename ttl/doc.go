// Package ttl provides a concurrent map whose entries expire.
//
//	tokens := ttl.New[string, *Token](
//		ttl.WithLifetime(ttl.Lifetime{TTL: 10 * time.Minute, Jitter: time.Minute}),
//		ttl.WithMaxEntries(10_000, ttl.Evict),
//	)
//	manager.Add(tokens) // the janitor; or: go tokens.Start(ctx)
//	token, err := tokens.LoadOrCompute(ctx, name, func(ctx context.Context) (*Token, ttl.Lifetime, error) {
//		t, err := fetch(ctx, name) // once, however many ask
//		return t, ttl.Lifetime{TTL: time.Until(t.Expiry)}, err
//	})
//
// # Guarantees
//
// An entry is absent from the instant at which its deadline passes, whether or not anybody has collected it yet: no
// operation that is called at or after the deadline, by the map's clock, finds it. Every operation on one key is
// linearizable, as in [shardmap.Map], and expiry is one of the events that happen to a key: once somebody was told that an
// entry has expired, nobody is given its value, and no update goes on from it. An operation that is under way when the
// deadline passes may see the entry or not.
//
// Each entry that leaves the map – because it expired, was deleted, replaced, evicted or cleared – is passed to the
// function given [WithOnEvict] exactly once, with no lock held.
//
// A load takes no lock and allocates nothing. The one exception is the first that finds an entry expired, which removes
// it. The janitor's work is in proportion to the entries that expire, not to those that live.
//
// # When not to use it
//
// A cache that should have the best hit ratio for its size wants an admission policy such as W-TinyLFU; [Evict] is an
// approximation of LRU. State that must go when an object goes, and not when time has passed, belongs into a
// [shardmap.Map] that is kept in step with the object. Entries that never expire gain nothing here.
package ttl
