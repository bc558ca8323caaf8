package run

// do runs one operation. It returns false if there is no key left to insert.
func (w *worker[K, V]) do(op operation, random uint64) bool {
	switch op {
	case load:
		w.load(w.choose(random))
	case miss:
		key := w.absent[random*uint64(len(w.absent))>>32]
		w.begin()
		_, ok := w.m.Load(key)
		w.end()
		if ok {
			w.wrong("Load found a key that was never stored")
		}
	case store:
		key, i, place := w.current(w.choose(random))
		w.versions[place]++
		value := w.values.Of(i, w.versions[place])
		w.begin()
		w.m.Store(key, value)
		w.end()
	case loadOrStore:
		w.loadOrStore(w.choose(random))
	case churn:
		w.churn(w.choose(random))
	case insert:
		return w.insert()
	case increment:
		key := w.keys[w.choose(random)]
		w.increments++
		w.begin()
		w.updater.Update(key, w.values.Increment)
		w.end()
	case walk:
		w.walk()
	case remove, loadAndDelete:
		w.remove(op, w.choose(random))
	case swap:
		w.swap(w.choose(random))
	case compareAndSwap:
		w.compareAndSwap(w.choose(random))
	}
	return true
}

// load loads any key. Whether it is there can be told unless it belongs to another goroutine, which may just replace
// it or have taken it away; what its value is, only if it is the worker's own. Values are looked at when the latency is
// taken, so as not to measure that.
func (w *worker[K, V]) load(i int) {
	mine, key := true, w.keys[i]
	switch {
	case w.twins != nil:
		owner, place := w.owner(i)
		i += w.number * int(w.workers[owner].twins[place].Load())
		key, mine = w.keys[i], owner == w.id
	case w.slots != nil:
		owner, place := w.owner(i)
		key, mine = *w.workers[owner].slots[place].Load(), owner == w.id
	case w.removes:
		owner, _ := w.owner(i)
		mine = owner == w.id
	}
	w.begin()
	value, ok := w.m.Load(key)
	w.end()
	switch {
	case !ok && mine:
		w.wrong("Load missed a key that was there")
	case !ok, w.counts:
	case w.timed && w.values.Key(value) != i:
		w.wrong("Load returned the value of another key")
	case w.timed && !w.latest(i, value):
		w.wrong("Load returned a value that had been overwritten")
	default:
		w.sink = value
	}
}

// latest tells whether a value is the last one of the key with the number, as far as the worker knows.
func (w *worker[K, V]) latest(i int, value V) bool {
	owner, place := w.owner(i % w.number)
	return owner != w.id || value == w.values.Of(i, w.versions[place])
}

func (w *worker[K, V]) loadOrStore(i int) {
	key, i, place := w.current(i)
	if w.slots == nil {
		key = w.stored[i]
	}
	value := w.values.Of(i, w.versions[place]+1)
	w.begin()
	actual, loaded := w.m.LoadOrStore(key, value)
	w.end()
	if !loaded || actual != w.values.Of(i, w.versions[place]) {
		w.wrong("LoadOrStore did not find what was stored")
	}
}

// churn deletes one of the worker's keys and inserts its twin, or the other way round.
func (w *worker[K, V]) churn(i int) {
	out, here, place := w.current(i)
	there := here + w.number
	if there >= 2*w.number {
		there = here - w.number
	}
	w.versions[place]++
	in, value := w.stored[there], w.values.Of(there, w.versions[place])
	w.begin()
	w.m.Delete(out)
	w.m.Store(in, value)
	w.end()
	w.twins[place].Store(uint32(there / w.number))
}

// insert stores the next of the worker's keys that is not there yet. It returns false if there is none.
func (w *worker[K, V]) insert() bool {
	place := w.next / w.goroutines
	for ; place < len(w.versions) && w.versions[place] != 0; place++ {
	}
	if place >= len(w.versions) {
		w.timed = false
		return false
	}
	i := place*w.goroutines + w.id
	w.versions[place]++
	key, value := w.stored[i], w.initial(i, w.versions[place])
	w.begin()
	w.m.Store(key, value)
	w.end()
	w.next = i + w.goroutines
	if w.growing {
		w.there.Store(int64(place + 1))
	}
	return true
}

// remove takes away one of the worker's keys, which then has to be put back.
func (w *worker[K, V]) remove(op operation, i int) {
	key, i, place := w.current(i)
	w.removed = i
	if op == remove {
		w.begin()
		w.m.Delete(key)
		w.end()
		return
	}
	w.begin()
	value, loaded := w.loadDeleter.LoadAndDelete(key)
	w.end()
	if !loaded || value != w.values.Of(i, w.versions[place]) {
		w.wrong("LoadAndDelete did not return what was stored")
	}
}

// putBack stores the key of that number, which was taken away.
func (w *worker[K, V]) putBack(i int) {
	_, place := w.owner(i % w.number)
	w.versions[place]++
	value := w.values.Of(i, w.versions[place])
	key := w.stored[i]
	if w.slots != nil {
		key = *w.slots[place].Load()
	}
	w.begin()
	w.m.Store(key, value)
	w.end()
}

func (w *worker[K, V]) swap(i int) {
	key, i, place := w.current(i)
	old := w.values.Of(i, w.versions[place])
	w.versions[place]++
	value := w.values.Of(i, w.versions[place])
	w.begin()
	previous, loaded := w.swapper.Swap(key, value)
	w.end()
	if !loaded || previous != old {
		w.wrong("Swap did not return what was stored")
	}
}

func (w *worker[K, V]) compareAndSwap(i int) {
	key, i, place := w.current(i)
	old := w.values.Of(i, w.versions[place])
	w.versions[place]++
	value := w.values.Of(i, w.versions[place])
	w.begin()
	swapped := w.compareSwapper.CompareAndSwap(key, old, value)
	w.end()
	if !swapped {
		w.wrong("CompareAndSwap did not find what was stored")
	}
}

// walk visits all entries.
func (w *worker[K, V]) walk() {
	n := 0
	w.begin()
	w.m.Range(func(_ K, value V) bool {
		w.sink = value
		n++
		return true
	})
	w.end()
	if !w.shifts() && n < w.filled {
		w.wrong("Range left out entries that were there")
	}
}

// shifts tells whether entries may be missing for a moment, while the number of entries stays.
func (b *bench[K, V]) shifts() bool { return b.churns || b.living || b.removes }
