package cells

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/shardmap-go/shardmap/bench/internal/data"
)

// keyLength is that of the strings.
const keyLength = 24

// A measurement is one call of Measure.
type measurement struct {
	Options
	ctx     context.Context
	rng     *rand.Rand
	results []Result
	total   int // cells

	repeat  int // if not 0, what to do instead of measuring: see Repeat
	failure error
}

func (m *measurement) all() {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	m.allKeys()
	slices.SortStableFunc(m.results, func(a, b Result) int {
		return slices.Index(m.Operations, a.Operation) - slices.Index(m.Operations, b.Operation)
	})
}

func (m *measurement) allKeys() {
	m.rng = rand.New(rand.NewPCG(m.Seed, 1))
	for _, keys := range m.Keys {
		switch keys {
		case "int":
			allValues(m, keys, data.IntKey)
		case "string":
			allValues(m, keys, data.StringKey)
		default:
			allValues(m, keys, data.NamespacedKey)
		}
	}
}

func allValues[K comparable](m *measurement, keys string, key func(n, seed uint64, length int) K) {
	for i, values := range m.Values {
		for _, n := range m.Entries {
			if i > 0 && n > m.Large || m.ctx.Err() != nil {
				continue
			}
			c := Cell{Keys: keys, Values: values, Entries: n}
			switch values {
			case "pointer":
				onField(m, c, newField(m, n, key, data.PointerValues(2*n)))
			case "int":
				onField(m, c, newField(m, n, key, data.IntValues()))
			default:
				onField(m, c, newField(m, n, key, data.TripleValues()))
			}
		}
	}
}

// newField makes the keys, each twice, in an order that has nothing to do with where they lie in memory.
func newField[K, V comparable](m *measurement, n int, key func(n, seed uint64, length int) K, values data.ValueKind[V]) *field[K, V] {
	f := &field[K, V]{values: values}
	for _, list := range []*[]K{&f.present, &f.absent, &f.stored, &f.spare} {
		*list = make([]K, n)
	}
	seed := m.rng.Uint64()
	set := func(lower, upper []K) {
		for _, i := range data.Shuffled(2*n, m.rng) {
			if k := key(uint64(i), seed, keyLength); int(i) < n {
				lower[i] = k
			} else {
				upper[int(i)-n] = k
			}
		}
	}
	set(f.present, f.absent)
	set(f.stored, f.spare)
	return f
}

// onField measures all operations on one field.
func onField[K, V comparable](m *measurement, c Cell, f *field[K, V]) {
	for _, name := range m.Operations {
		op := operation(name)
		c.Operation = name
		if name == "hot" && f.values.Increment == nil {
			continue // there is nothing to count with
		}
		for _, c.Procs = range m.Procs {
			if m.ctx.Err() != nil {
				return
			}
			if name == "rangeWrites" && c.Procs == 1 {
				continue // the writer would take turns with the walker
			}
			if m.Progress != nil {
				m.Progress(c, len(m.results), m.total)
			}
			runtime.GOMAXPROCS(c.Procs)
			var players []*player[K, V]
			for _, s := range m.Strategies {
				players = append(players, enter(m.ctx, s, op, f, c.Procs))
			}
			if m.repeat > 0 {
				m.failure = players[0].repeat(m.ctx, op, m.repeat)
			} else if r, ok := measureCell(m, c, op, players); ok {
				m.results = append(m.results, r)
				if m.Done != nil {
					m.Done(r)
				}
			}
		}
	}
}

// measureCell measures one cell, or returns false if that was interrupted.
func measureCell[K, V comparable](m *measurement, c Cell, op Operation, players []*player[K, V]) (Result, bool) {
	sizes := make([]int, len(players))
	rounds := make([][]float64, len(players))
	for i, p := range players {
		sizes[i] = p.calibrate(m.ctx, op, c.Procs, m.Batch)
	}
	for range m.Rounds {
		for _, i := range m.rng.Perm(len(players)) {
			p := players[i]
			if p.wrong != "" {
				continue
			}
			took := p.guarded(m.ctx, func() (time.Duration, error) { return p.batch(op, c.Procs, sizes[i]) })
			rounds[i] = append(rounds[i], float64(took)/float64(units(op, c, sizes[i])))
			if m.ctx.Err() != nil {
				return Result{}, false
			}
		}
	}
	r := Result{Cell: c}
	for i, p := range players {
		if p.wrong == "" {
			p.guarded(m.ctx, func() (time.Duration, error) { return 0, p.check() })
		}
		if p.wrong != "" {
			r.Times = append(r.Times, Time{Strategy: p.name, Wrong: p.wrong})
		} else {
			r.Times = append(r.Times, summary(p.name, rounds[i]))
		}
	}
	return r, true
}

// units returns what the time of a batch is divided by.
func units(op Operation, c Cell, size int) int {
	switch {
	case op.kind == fills:
		return size * c.Entries
	case op.Name == "rangeWrites":
		return size * c.Entries * (c.Procs - 1)
	case op.kind == walks:
		return size * c.Entries * c.Procs
	}
	return size * c.Procs
}
