package run

import "fmt"

// do does one step, and looks at what came of it.
func (p *player[K, V]) do(s *step) {
	if s.does == walk {
		p.walk(s)
		return
	}
	key, stored := p.known[s.key], p.stored[s.key]
	value := p.values.Of(int(s.key), s.version)
	switch s.does {
	case load:
		p.begin()
		found, ok := p.m.Load(key)
		p.end()
		p.judge("Load", s, s.version, found, ok)
	case store:
		p.begin()
		p.m.Store(stored, value)
		p.end()
	case loadOrStore:
		if s.demand&present != 0 {
			value = p.values.Of(int(s.key), s.version+1) // another one than is there
		}
		p.begin()
		found, ok := p.m.LoadOrStore(stored, value)
		p.end()
		p.judge("LoadOrStore", s, s.version, found, ok)
	case remove:
		p.begin()
		p.m.Delete(key)
		p.end()
	case loadAndDelete:
		p.loadAndDelete(s, key)
	case swap:
		p.swap(s, stored, value)
	case increment:
		p.next = value
		p.begin()
		p.set(stored, value)
		p.end()
	}
}

// set stores a value by an Update, if there is one.
func (p *player[K, V]) set(key K, value V) {
	if p.updater != nil {
		p.updater.Update(key, p.update)
		return
	}
	p.m.Load(key)
	p.m.Store(key, value)
}

func (p *player[K, V]) loadAndDelete(s *step, key K) {
	var found V
	var ok bool
	p.begin()
	if p.loadDeleter != nil {
		found, ok = p.loadDeleter.LoadAndDelete(key)
	} else {
		found, ok = p.m.Load(key)
		p.m.Delete(key)
	}
	p.end()
	p.judge("LoadAndDelete", s, s.version, found, ok)
}

func (p *player[K, V]) swap(s *step, key K, value V) {
	p.next = value
	if p.swapper == nil {
		p.begin()
		p.set(key, value)
		p.end()
		return
	}
	p.begin()
	previous, ok := p.swapper.Swap(key, value)
	p.end()
	p.judge("Swap", s, s.version-1, previous, ok)
}

// judge compares what an operation found with what it should have found. Whose key a value was made for is looked at if the latency is
// taken, so as not to measure that.
func (p *player[K, V]) judge(method string, s *step, version uint32, value V, ok bool) {
	switch {
	case s.demand&known != 0 && ok && s.demand&present == 0:
		p.wrong(method + " found a key that was not there")
	case s.demand&known != 0 && !ok && s.demand&present != 0:
		p.wrong(method + " missed a key that was there")
	case !ok:
	case s.demand&exact != 0 && value != p.values.Of(int(s.key), version):
		p.wrong(method + " returned a value that is not the last one stored")
	case p.timed && s.does != loadOrStore && p.values.Key(value) != int(s.key):
		p.wrong(method + " returned the value of another key")
	default:
		p.sink = value
	}
}

// walk does what concerns the whole map.
func (p *player[K, V]) walk(s *step) {
	method, n := "Range", 0
	p.begin()
	switch s.special {
	case length:
		method, n = "Len", p.m.Len()
	case clearing:
		method, n = "Range before Delete", p.clear()
	default:
		p.m.Range(func(_ K, value V) bool {
			p.sink = value
			n++
			return n < int(s.key)
		})
	}
	p.end()
	if s.demand&known != 0 && n != int(s.version) {
		p.wrong(fmt.Sprintf("%s showed %d entries of %d", method, n, s.version))
	}
}

// clear deletes every entry, and returns how many there were.
func (p *player[K, V]) clear() int {
	var keys []K
	p.m.Range(func(key K, _ V) bool {
		keys = append(keys, key)
		return true
	})
	for _, key := range keys {
		p.m.Delete(key)
	}
	return len(keys)
}
