//go:build race

package ttl_test

// raceDetector says that the tests were built with -race.
const raceDetector = true
