package run

import (
	"time"

	"github.com/shardmap-go/shardmap/bench/trace"
)

// planTrack goes through a track with a model of the map. Its keys end in the state in which they are at the end.
func (p *Replay) planTrack(ops []trace.Op, track int32) replayTrack {
	var t replayTrack
	for i, op := range ops {
		s := step{does: translate(op)}
		p.tally(op, s.does)
		if op.Kind.HasKey() {
			s.key = uint32(op.Key)
			p.planKey(&s, &p.keys[op.Key], track, uint32(i))
			p.contradict(op, s)
		} else {
			p.planWhole(&s, op)
		}
		t.steps = append(t.steps, s)
		t.at = append(t.at, op.At)
	}
	return t
}

// tally counts the operation for the description of the trace, under the names of workloads. Swap and LoadAndDelete
// count as what they come to, because workloads that have them leave out strategies that do not.
func (p *Replay) tally(op trace.Op, does operation) {
	switch does {
	case load:
		if op.Outcome&trace.Found != 0 {
			p.mix.Load++
		} else {
			p.mix.Miss++
		}
	case store, swap:
		p.mix.Store++
	case loadOrStore:
		p.mix.LoadOrStore++
	case remove, loadAndDelete:
		p.mix.Delete++
	case increment:
		p.mix.Increment++
	case walk:
		p.mix.Range++
	}
}

// planKey works out a step on one key, and brings the model up to date.
func (p *Replay) planKey(s *step, k *keyPlan, track int32, i uint32) {
	if k.writer != track && k.writer != nobody {
		s.version = i // any will do, if it stores one
		if k.certain() {
			s.demand = known
			if k.start {
				s.demand |= present
			}
		}
		return
	}
	s.demand, s.version = known|exact, k.version
	if k.present {
		s.demand |= present
	}
	before := k.present
	switch s.does {
	case store, swap, increment:
		k.present = true
	case loadOrStore:
		k.present = true
		if before {
			return
		}
	case remove, loadAndDelete:
		k.present = false
		p.count(before, k.present)
		return
	default:
		return
	}
	p.count(before, k.present)
	k.version++
	s.version = k.version
}

// count follows the number of entries, which is known if there is one track only.
func (p *Replay) count(before, after bool) {
	switch {
	case before && !after:
		p.entries--
	case !before && after:
		p.entries++
	}
}

// planWhole works out a step on the whole map.
func (p *Replay) planWhole(s *step, op trace.Op) {
	entries := uint32(p.entries)
	if p.single {
		s.demand = known
	}
	switch op.Kind {
	case trace.Range:
		s.key = op.Length
		s.version = min(max(op.Length, 1), entries) // one that is to stop at once has seen one entry
	case trace.Len:
		s.special = length
		s.version = entries
	case trace.Clear:
		s.special = clearing
		s.version = entries
		if p.single {
			p.entries = 0
		}
		for i := range p.keys {
			if k := &p.keys[i]; k.writer != several {
				k.present = false
			}
		}
	}
}

// contradict compares what was recorded with what follows from the trace.
func (p *Replay) contradict(op trace.Op, s step) {
	if s.demand&known == 0 || !op.TellsPresence() {
		return
	}
	if (op.Outcome&trace.Found != 0) != (s.demand&present != 0) {
		p.contradictions++
	}
}

// ending returns what is demanded of a key at the end.
func (k *keyPlan) ending() (d demand) {
	switch {
	case k.writer != several:
		d = known | exact
		if k.present {
			d |= present
		}
	case !k.deletes: // and several store it
		d = known | present
	case !k.stores:
		d = known
	}
	return d
}

// Contradictions returns how many outcomes were recorded that do not follow from the rest of the trace. There are some if
// operations were lost, or if there were others on the map that were not recorded. They do not matter for a replay, but
// it is then not quite what happened.
func (p *Replay) Contradictions() int { return p.contradictions }

// Length returns from when to when operations began.
func (p *Replay) Length() time.Duration { return p.length }
