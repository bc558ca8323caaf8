package published

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/shardmap-go/shardmap/bench/run"
)

// SizeFactor is how far the measured ratio of two contestants may be from the published one, up or down, if the size of
// the claim is to hold. It is wide, as nothing is known about the machine behind the published one.
const SizeFactor = 2

// A Figure is a quantity that each contestant of a scenario is measured for.
type Figure struct {
	Name      string  `json:"name"`
	Unit      string  `json:"unit"`
	More      bool    `json:"more,omitempty"`      // more is better; otherwise less is
	Published []Value `json:"published,omitempty"` // each two in a row are a claim; nothing was published if there are none
}

// A Value is what was published about one contestant.
type Value struct {
	Contestant string  `json:"contestant"`
	Value      float64 `json:"value"`
}

// A Direction says whether the contestant that is the better one as published is so here.
type Direction string

// What there is to say about the direction of a claim.
const (
	Holds       Direction = "holds"          // the same one is better, and the intervals of both do not overlap
	Reversed    Direction = "reversed"       // the other one is, and they do not overlap
	NotTold     Direction = "not told apart" // the intervals overlap
	NotMeasured Direction = "not measured"   // fewer than MinRounds rounds, or one of the two was refused
)

// A Size says how the measured ratio of a claim whose direction holds compares with the published one.
type Size string

// What there is to say about the size of a claim.
const (
	SizeHolds   Size = "holds"   // not further than SizeFactor from the published ratio
	SizeSmaller Size = "smaller" // the difference is there, but smaller by more than that
	SizeLarger  Size = "larger"  // larger by more than that
	NoSize      Size = ""        // the direction does not hold
)

// A Verdict compares one claim with what was measured.
type Verdict struct {
	Figure    string    `json:"figure"`
	Better    string    `json:"better"` // the contestants, as published
	Worse     string    `json:"worse"`
	Published Ratio     `json:"published"`
	Measured  Ratio     `json:"measured,omitempty"` // of the medians; below 1 if reversed
	Direction Direction `json:"direction"`
	Size      Size      `json:"size,omitempty"`
}

// A Ratio says how many times better the better one of two contestants is. It is infinite if, of something that
// should be little, the better one has nothing; JSON, which has no such number, then gets the string "+Inf".
type Ratio float64

// MarshalJSON writes the ratio as a number, or as a string if it is infinite.
func (r Ratio) MarshalJSON() ([]byte, error) {
	if math.IsInf(float64(r), 1) {
		return []byte(`"+Inf"`), nil
	}
	return json.Marshal(float64(r))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *Ratio) UnmarshalJSON(data []byte) error {
	f, err := strconv.ParseFloat(strings.Trim(string(data), `"`), 64)
	*r = Ratio(f)
	return err
}

// judge compares all claims with what was measured.
func (r *Result) judge() []Verdict {
	verdicts := []Verdict{}
	for _, f := range r.Figures {
		for i := range len(f.Published) - 1 {
			verdicts = append(verdicts, r.judgeClaim(f, f.Published[i], f.Published[i+1]))
		}
	}
	return verdicts
}

// judgeClaim compares the claim that two published values make with what was measured of the two contestants.
func (r *Result) judgeClaim(f Figure, better, worse Value) Verdict {
	if f.ratio(better.Value, worse.Value) < 1 {
		better, worse = worse, better
	}
	v := Verdict{
		Figure: f.Name, Better: better.Contestant, Worse: worse.Contestant,
		Published: f.ratio(better.Value, worse.Value), Direction: NotMeasured,
	}
	a, b := r.contestant(better.Contestant), r.contestant(worse.Contestant)
	if a == nil || b == nil || !a.judgeable() || !b.judgeable() {
		return v
	}
	x, y := a.Summary(f.Name), b.Summary(f.Name)
	v.Measured = f.ratio(x.Median, y.Median)
	v.Direction, v.Size = verdict(f, x, y, v.Published)
	return v
}

// verdict compares the published ratio of two contestants with what was measured of them.
func verdict(f Figure, better, worse run.Summary, published Ratio) (Direction, Size) {
	measured := f.ratio(better.Median, worse.Median)
	switch {
	case better.Overlaps(worse):
		return NotTold, NoSize
	case measured < 1:
		return Reversed, NoSize
	case measured < published/SizeFactor:
		return Holds, SizeSmaller
	case measured > published*SizeFactor:
		return Holds, SizeLarger
	}
	return Holds, SizeHolds
}

// ratio says how many times better a is than b.
func (f Figure) ratio(a, b float64) Ratio {
	if f.More {
		a, b = b, a
	}
	if a == b {
		return 1 // also if both are 0
	}
	return Ratio(b / a)
}
