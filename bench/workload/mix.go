package workload

// Mix is how often each operation happens, relative to the others.
type Mix struct {
	Load           float64 `json:"load"`                    // a load of a key that is there
	Miss           float64 `json:"miss"`                    // a load of a key that never is
	Store          float64 `json:"store"`                   // a store of a key that is there
	LoadOrStore    float64 `json:"loadOrStore"`             // a LoadOrStore of a key that is there
	Churn          float64 `json:"churn"`                   // a deletion of one key and an insertion of another in its place
	Insert         float64 `json:"insert"`                  // a store of a key that is not there yet
	Increment      float64 `json:"increment"`               // an atomic addition of 1 to the value of a key
	Range          float64 `json:"range"`                   // a walk over all entries
	Delete         float64 `json:"delete,omitzero"`         // a deletion of a key that is there, and then an insertion of the same
	LoadAndDelete  float64 `json:"loadAndDelete,omitzero"`  // the same by LoadAndDelete
	Swap           float64 `json:"swap,omitzero"`           // a Swap of a key that is there
	CompareAndSwap float64 `json:"compareAndSwap,omitzero"` // a CompareAndSwap of a key that is there, from its value
}

// An Operation is a kind of operation, by its name in the file, and how often it happens, relative to the others.
type Operation struct {
	Name   string
	Weight float64
}

// All returns every kind of operation, also those without a weight, in the order of the fields.
func (m Mix) All() []Operation {
	return []Operation{
		{"load", m.Load}, {"miss", m.Miss}, {"store", m.Store}, {"loadOrStore", m.LoadOrStore},
		{"churn", m.Churn}, {"insert", m.Insert}, {"increment", m.Increment}, {"range", m.Range},
		{"delete", m.Delete}, {"loadAndDelete", m.LoadAndDelete}, {"swap", m.Swap}, {"compareAndSwap", m.CompareAndSwap},
	}
}

// Weights returns the operations that have a weight, with it.
func (m Mix) Weights() map[string]float64 {
	weights := map[string]float64{}
	for _, op := range m.All() {
		if op.Weight != 0 {
			weights[op.Name] = op.Weight
		}
	}
	return weights
}

// Writes tells whether operations change or insert entries of which a goroutine remembers what they must be.
func (m Mix) Writes() bool {
	return m.Store+m.LoadOrStore+m.Churn+m.Swap+m.CompareAndSwap > 0 || m.Removes()
}

// Removes tells whether operations take away entries for a moment, to put the same back.
func (m Mix) Removes() bool { return m.Delete+m.LoadAndDelete > 0 }

// NeedsEntries tells whether operations are on keys that are there.
func (m Mix) NeedsEntries() bool { return m.Writes() || m.Load+m.Increment > 0 }

func (m Mix) total() float64 {
	sum := 0.0
	for _, op := range m.All() {
		sum += op.Weight
	}
	return sum
}

func (m Mix) plus(n Mix) Mix {
	return Mix{
		m.Load + n.Load, m.Miss + n.Miss, m.Store + n.Store, m.LoadOrStore + n.LoadOrStore,
		m.Churn + n.Churn, m.Insert + n.Insert, m.Increment + n.Increment, m.Range + n.Range,
		m.Delete + n.Delete, m.LoadAndDelete + n.LoadAndDelete, m.Swap + n.Swap, m.CompareAndSwap + n.CompareAndSwap,
	}
}
