package report

import "math"

// A scale says where along an axis a value is, from 0 to 1.
type scale struct {
	low, high   float64
	logarithmic bool
}

// linearScale goes from 0 to the greatest of the values.
func linearScale(values []float64) scale {
	s := scale{0, 0, false}
	for _, v := range values {
		if finite(v) {
			s.high = max(s.high, v)
		}
	}
	if s.high == 0 {
		s.high = 1
	}
	return s
}

// logScale goes from the power of ten below the least of the values to the one above the greatest. What is not above 0
// has no place on it.
func logScale(values []float64) scale {
	s := scale{math.Inf(1), 0, true}
	for _, v := range values {
		if finite(v) && v > 0 {
			s.low, s.high = min(s.low, v), max(s.high, v)
		}
	}
	if s.high == 0 {
		return scale{1, 10, true}
	}
	s.low, s.high = math.Pow(10, math.Floor(math.Log10(s.low))), math.Pow(10, math.Ceil(math.Log10(s.high)))
	if s.low == s.high {
		s.high *= 10
	}
	return s
}

// at returns the place of x; the nearest end if it is outside.
func (s scale) at(x float64) float64 {
	part := (x - s.low) / (s.high - s.low)
	if s.logarithmic {
		part = math.Log(x/s.low) / math.Log(s.high/s.low)
	}
	if math.IsNaN(part) {
		return 0
	}
	return min(max(part, 0), 1)
}

// ticks returns round values along the scale, at most the number of them: multiples of 1, 2 or 5 times a power of ten, or
// on a logarithmic scale powers of ten.
func (s scale) ticks(most int) (ticks []float64) {
	if s.logarithmic {
		first, last := math.Round(math.Log10(s.low)), math.Round(math.Log10(s.high))
		step := math.Ceil((last - first + 1) / float64(most))
		for exponent := first; exponent <= last; exponent += step {
			ticks = append(ticks, math.Pow(10, exponent))
		}
		return ticks
	}
	step := math.Pow(10, math.Floor(math.Log10(s.high/float64(most))))
	for _, factor := range []float64{2, 2.5, 2, 2} { // 1, 2, 5, 10, 20 times the power of ten
		if s.high/step < float64(most) {
			break
		}
		step *= factor
	}
	for i := range most {
		if v := float64(i) * step; v <= s.high {
			ticks = append(ticks, v)
		}
	}
	return ticks
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
