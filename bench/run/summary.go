package run

import (
	"math"
	"slices"
)

// confidence is that of the intervals.
const confidence = 0.95

// MinRounds is the number of rounds below which the values do not make a 95 % interval.
const MinRounds = 6

// A Summary is the median of some values and an interval in which the true median is with a probability of at least
// 95 %, as far as the rounds are independent of each other. With fewer than [MinRounds] values the interval is from the
// least to the greatest of them, and the probability less: 94 % for five, 75 % for three.
type Summary struct{ Low, Median, High float64 }

// Summarise makes a [Summary]. It assumes nothing about how the values are distributed: each of them is as likely to be
// above the true median as below, so the number above is binomial, and a pair of them from the ordered list makes
// the interval. Without values, all is NaN.
func Summarise(values []float64) Summary {
	n := len(values)
	if n == 0 {
		return Summary{math.NaN(), math.NaN(), math.NaN()}
	}
	sorted := slices.Sorted(slices.Values(values))
	median := sorted[n/2]
	if n%2 == 0 {
		median = (sorted[n/2-1] + sorted[n/2]) / 2
	}
	// outside is the probability that at most k of n fair coins show heads; both tails together may have 5 %.
	k, outside := 0, probability(n, 0)
	for 2*outside <= 1-confidence && 2*k < n {
		k++
		outside += probability(n, k)
	}
	k = max(k-1, 0)
	return Summary{sorted[k], median, sorted[n-1-k]}
}

// probability returns that of k heads of n fair coins, by logarithms, as the numbers of ways do not fit.
func probability(n, k int) float64 {
	logFactorial := func(n int) float64 {
		log, _ := math.Lgamma(float64(n + 1))
		return log
	}
	return math.Exp(logFactorial(n) - logFactorial(k) - logFactorial(n-k) - float64(n)*math.Ln2)
}

// Overlaps tells whether the intervals have values in common, so that the rounds do not tell which is greater.
func (s Summary) Overlaps(t Summary) bool { return s.Low <= t.High && t.Low <= s.High }
