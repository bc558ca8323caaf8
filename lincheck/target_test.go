package lincheck

import (
	"errors"
	"iter"
	"maps"
	"runtime"

	"github.com/shardmap-go/shardmap"
)

// A target is a map under test. To the tests its keys are numbers and its values codes, whatever they really are.
type target interface {
	// from returns the same map with the keys that have numbers from base on in the place of those from zero on.
	from(base int) target
	// do carries out an operation, and notes the answer and the times.
	do(o *op)
	// again returns what the snapshot in the result of o shows now.
	again(o *op) *contents
	// view takes a snapshot, unless v has one, or ranges over the map, and notes what that shows.
	view(v *view)
	// len returns what Len says.
	len() int
	// stats returns what Stats says, of a Map only.
	stats() shardmap.Stats
	// share does what makes a Map share its memory: it takes a snapshot, which the caller is to keep, or writes a clone.
	share(clone bool, keys int) any
	// shrink shrinks a Map.
	shrink()
}

// typed is a target with real keys and values.
type typed[K, V comparable] struct {
	shardmap.ConcurrentMap[K, V]
	keyKind[K]
	codec[V]
	sharded *shardmap.Map[K, V] // the same map if it is a Map
	base    int
}

func newTyped[K, V comparable](m shardmap.ConcurrentMap[K, V], keys keyKind[K], values codec[V]) *typed[K, V] {
	sharded, _ := m.(*shardmap.Map[K, V])
	return &typed[K, V]{m, keys, values, sharded, 0}
}

func (m *typed[K, V]) from(base int) target {
	c := *m
	c.base = base
	return &c
}

func (m *typed[K, V]) len() int { return m.Len() }

func (m *typed[K, V]) stats() (st shardmap.Stats) {
	if m.sharded != nil {
		st = m.sharded.Stats()
	}
	return st
}

func (m *typed[K, V]) shrink() {
	if m.sharded != nil {
		m.sharded.Shrink()
	}
}

func (m *typed[K, V]) share(clone bool, keys int) any {
	switch {
	case m.sharded == nil:
		return nil
	case clone:
		m.spoil(m.sharded.Clone(), keys)
		return nil
	}
	return m.sharded.Snapshot()
}

// spoil writes to a clone what must not be seen in the map.
func (m *typed[K, V]) spoil(c *shardmap.Map[K, V], keys int) {
	for i := range keys {
		if i%2 == 0 {
			c.Delete(m.key(m.base + i))
		}
		c.Store(m.key(m.base+i), m.encode(poison))
	}
}

var errLoad = errors.New("the load function has failed")

func (m *typed[K, V]) do(o *op) {
	if o.method >= snapshot {
		m.doWhole(o)
		return
	}
	var (
		key  = m.key(m.base + int(o.key))
		arg  = m.encode(max(o.arg, zero))
		old  = m.encode(max(o.old, zero))
		none V
		got  V
		ok   bool
		err  error
	)
	if o.old >= unique {
		if v, ok := m.Load(key); ok && m.decode(v) == o.old {
			old = v
		}
	}
	o.call = tick()
	switch o.method {
	case load:
		got, ok = m.Load(key)
	case store:
		m.Store(key, arg)
	case loadOrStore:
		got, ok = m.LoadOrStore(key, arg)
	case loadAndDelete:
		got, ok = m.LoadAndDelete(key)
	case remove:
		m.Delete(key)
	case swap:
		got, ok = m.Swap(key, arg)
	case compareAndSwap:
		ok = m.CompareAndSwap(key, old, arg)
	case compareAndDelete:
		ok = m.CompareAndDelete(key, old)
	case compute:
		got, ok = m.Compute(key, func(old V, loaded bool) (V, shardmap.Op) {
			o.calls++
			o.saw = m.code(old, loaded)
			o.yield()
			return arg, o.action
		})
	case loadOrCompute:
		got, ok, err = m.LoadOrCompute(key, func() (V, error) {
			o.calls++
			o.yield()
			if o.fails {
				return none, errLoad
			}
			return arg, nil
		})
		o.failed = err == errLoad
	}
	o.ret = tick()
	switch present := ok; o.method {
	case load, loadOrStore, loadAndDelete, swap, compute, loadOrCompute:
		present = present || o.method == loadOrStore || o.method == loadOrCompute && err == nil
		o.got, o.ok = m.code(got, present), ok
	default:
		o.ok = ok
	}
}

// yield lets others run if the operation is to pause.
func (o *op) yield() {
	if o.pause {
		runtime.Gosched()
	}
}

// code returns the code of a result. If nothing is present, the value has to be the zero value.
func (m *typed[K, V]) code(v V, present bool) code {
	switch c := m.decode(v); {
	case present:
		return c
	case c == zero:
		return absent
	}
	return garbage
}

// doWhole is do for operations on the whole map.
func (m *typed[K, V]) doWhole(o *op) {
	var toMap map[K]V
	o.call = tick()
	switch o.method {
	case clear:
		m.Clear()
	case snapshot:
		if m.sharded == nil {
			toMap = m.ConcurrentMap.(interface{ ToMap() map[K]V }).ToMap()
			break
		}
		o.kept = m.sharded.Snapshot()
	case clone:
		o.kept = m.sharded.Clone()
	case replace:
		switch all := m.ConcurrentMap.(type) {
		case *shardmap.Map[K, V]:
			o.kept = all.Replace(m.entries(o))
		case *shardmap.AtomicMap[K, V]:
			all.Update(func(content map[K]V) {
				toMap = maps.Clone(content)
				for key := range content {
					delete(content, key)
				}
				maps.Insert(content, m.entries(o))
			})
		}
	}
	o.ret = tick()
	o.yield()
	switch kept := o.kept.(type) {
	case *shardmap.Snapshot[K, V]:
		o.content = m.again(o)
	case *shardmap.Map[K, V]: // a clone
		o.content = m.content(kept.All(), kept.Len())
		m.spoil(kept, maxKeys)
		o.kept = nil
	case nil:
		if toMap != nil {
			o.content = m.content(maps.All(toMap), len(toMap))
		}
	}
}

// entries are what o puts in the place of the content. The other keys are o.key and the ones after it.
func (m *typed[K, V]) entries(o *op) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for i, c := range o.next.codes {
			if c != absent && !yield(m.key(m.base+i), m.encode(c)) {
				return
			}
			o.yield()
		}
		for i := range int(o.next.others) {
			if !yield(m.key(m.base+int(o.key)+i), m.encode(unchecked)) {
				return
			}
		}
	}
}

// again looks at every entry, or at the keys that histories look at: these are two ways into a snapshot.
func (m *typed[K, V]) again(o *op) *contents {
	s, ok := o.kept.(*shardmap.Snapshot[K, V])
	if !ok {
		return o.content
	}
	if o.pause {
		return m.content(s.All(), s.Len())
	}
	c := &contents{others: int32(s.Len())}
	for i := range c.codes {
		if v, ok := s.Load(m.key(m.base + i)); ok {
			c.codes[i] = m.code(v, true)
			c.others--
		} else {
			c.codes[i] = m.code(v, false)
		}
	}
	return c
}

// content gathers entries. If their number is not n, or a key is there twice, what it returns no model can make.
func (m *typed[K, V]) content(entries iter.Seq2[K, V], n int) *contents {
	v := view{codes: make([]code, maxKeys)}
	m.gather(&v, entries)
	c := &contents{others: int32(v.others)}
	copy(c.codes[:], v.codes)
	if v.twice >= 0 || c.len() != n {
		c.others = -1
	}
	return c
}

// A view is what a snapshot or a range shows of the keys from zero on.
type view struct {
	live      bool // range over the map instead of taking a snapshot
	call, ret int64
	codes     []code // by key
	others    int    // the number of other keys
	twice     int    // a key that was shown twice, or -1
	len       int    // what Len says, of a snapshot
	kept      any
}

func (m *typed[K, V]) view(v *view) {
	v.call = tick()
	if v.live {
		m.gather(v, m.All())
		v.ret = tick()
		return
	}
	s, ok := v.kept.(*shardmap.Snapshot[K, V])
	if !ok {
		s = m.sharded.Snapshot()
	}
	v.ret = tick()
	v.len, v.kept = s.Len(), s
	m.gather(v, s.All())
}

// gather notes entries in v.
func (m *typed[K, V]) gather(v *view, entries iter.Seq2[K, V]) {
	v.twice, v.others = -1, 0
	for i := range v.codes {
		v.codes[i] = absent
	}
	for key, value := range entries {
		i := m.number(key) - m.base
		if i < 0 || i >= len(v.codes) {
			v.others++
			continue
		}
		if v.codes[i] != absent {
			v.twice = i
		}
		v.codes[i] = m.code(value, true)
	}
}
