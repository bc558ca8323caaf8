//go:build race

package shardmap_test

// raceDetector says that the tests were built with -race: they do less work, and say so to the tests they start.
const raceDetector = true
