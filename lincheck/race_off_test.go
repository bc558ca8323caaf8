//go:build !race

package lincheck

// raceDetector says that the tests were built with -race.
const raceDetector = false
