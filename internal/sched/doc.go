// Package sched is the seam between the core of shardmap and what makes goroutines meet: atomics, mutexes, wake-ups.
//
// The core imports sched/atomic and sched/sync in the place of the standard library's packages. In a normal build these
// hold aliases of the standard types: the compiler sees the same types as ever, and produces the same code. With the
// build tag explore each operation is a step of a cooperative scheduler, this package, which runs the goroutines of a
// test one at a time and decides before each step who takes it. So a test can try every order in which a few operations
// may meet, up to a number of preemptions, and repeat the one that went wrong.
//
// Steps are sequentially consistent, which is what Go's memory model promises of its atomics. What the core does between
// two steps is seen by others all at once: that it races with nobody is for the race detector to find.
package sched
