package trace

import (
	"bytes"
	"math"
	"math/rand/v2"
	"sort"
	"testing"
	"time"
)

func summarise(t *testing.T, blocks ...Block) *Summary {
	t.Helper()
	r, err := NewReader(bytes.NewReader(write(t, blocks)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Summarise(r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASummaryCountsWhatIsThere(t *testing.T) {
	s := summarise(t,
		Block{Track: 0, Ops: []Op{
			{Kind: Start, Outcome: Found, Key: 1, Length: 3}, {Kind: Start, Outcome: Found, Key: 2, Length: 9},
		}},
		Block{Track: 1, Lost: 4, Ops: []Op{
			{Kind: Load, Outcome: Found, Key: 1, Length: 3, At: time.Second},
			{Kind: Load, Key: 3, Length: 5, At: time.Second},
			{Kind: Store, Outcome: Stored, Key: 3, Length: 5, At: 2 * time.Second},
			{Kind: Store, Outcome: Stored, Key: 1, Length: 3, At: 3 * time.Second},
		}},
		Block{Track: 7, Ops: []Op{
			{Kind: LoadAndDelete, Outcome: Found | Deleted, Key: 1, Length: 3, At: 3 * time.Second},
			{Kind: Delete, Outcome: Deleted, Key: 1, Length: 3, At: 3 * time.Second},
			{Kind: Load, Key: 1, Length: 3, At: 3 * time.Second},
			{Kind: Clear, Outcome: Deleted, At: 4 * time.Second},
		}})
	if s.Operations != 8 || s.Lost != 4 || s.Duration != 3*time.Second || s.Tracks != 2 || s.Goroutines != 1 {
		t.Errorf("%+v", s)
	}
	if s.Starts != 2 || s.Keys != 3 || s.Used != 2 || s.Peak != 3 || s.Inserts != 1 || s.Removals != 3 {
		t.Errorf("%+v", s)
	}
	if s.Shortest != 3 || s.Median != 5 || s.Longest != 9 {
		t.Errorf("%+v", s)
	}
	if got := s.Of(Load); got != (KindCount{Load, 3, 3, 1, 0, 0}) || s.Kinds[0] != got {
		t.Errorf("%+v", got)
	}
	if got := s.Of(LoadAndDelete); got != (KindCount{LoadAndDelete, 1, 1, 1, 0, 1}) {
		t.Errorf("%+v", got)
	}
	if got := s.Of(Swap); got != (KindCount{Kind: Swap}) {
		t.Errorf("%+v", got)
	}
	if one, all := s.Hottest(0.01), s.Hottest(1); one != 5./7 || all != 1 {
		t.Errorf("the hottest have %v, all have %v", one, all)
	}
	if none := new(Summary); none.Hottest(1) != 0 || none.Skew(10) != 0 {
		t.Error("a trace of nothing has hot keys")
	}
}

func TestSkewIsFoundAgainWhetherKeysHaveManyOperationsOrFew(t *testing.T) {
	rng := rand.New(rand.NewPCG(testSeed(t), 0))
	for _, keys := range []int{50, 2000, 20_000} {
		for _, skew := range []float64{0, 0.5, 0.8, 0.99, 1.5} {
			sums, sum := make([]float64, keys), 0.0
			for i := range sums {
				sum += math.Pow(float64(i+1), -skew)
				sums[i] = sum
			}
			s := &Summary{Shares: make([]int, keys)}
			for range 40_000 {
				s.Shares[min(sort.SearchFloat64s(sums, rng.Float64()*sum), keys-1)]++
			}
			// Evenly chosen keys have hardly any pairs to tell from: with 20,000 keys, their number has a deviation of half a percent.
			if got := s.Skew(keys); math.Abs(got-skew) > 0.05 && (skew > 0 || got > 0.2) {
				t.Errorf("%d keys with a skew of %v: found %v", keys, skew, got)
			}
		}
	}
}
