//go:build !race

package index

// raceDetector says that the tests were built with -race: they do less work.
const raceDetector = false
