package shard

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestNoTwoReplicasWorkOnAKeyWhateverHappensToTheirRequests runs Sharders whose requests are slow, fail, and are carried out though
// their answers are lost; which come and leave, while work that ends when it is told to is done in all partitions. Checked are
//
//	P1. no two replicas work in a partition at a time;
//	P2. after everything, all partitions are owned, once.
func TestNoTwoReplicasWorkOnAKeyWhateverHappensToTheirRequests(t *testing.T) {
	seed := testSeed(t)
	for run := range uint64(10) {
		synctest.Test(t, func(t *testing.T) { playFaults(t, seed, run) })
	}
}

func playFaults(t *testing.T, seed, round uint64) {
	const partitions = 8
	var calm atomic.Bool
	var mu sync.Mutex // rand.Rand is for one goroutine
	rng := rand.New(rand.NewPCG(seed, round))
	random := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return rng.IntN(n)
	}
	faulty := func(ctx context.Context, _ verb, execute func() error) error {
		if calm.Load() {
			return execute()
		}
		travel := func() error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Duration(random(1+random(6000))) * time.Millisecond):
				return nil
			}
		}
		if err := travel(); err != nil {
			return err
		}
		if random(8) == 0 {
			return errDown
		}
		err := execute()
		if late := travel(); late != nil {
			return late
		}
		return err
	}
	store := newFakeLeases()
	var workers [partitions]atomic.Int32
	var works atomic.Int32
	start := func(i int) *replica {
		r := run(t, store.client(faulty), Options{
			Identity: fmt.Sprint("replica-", i), Partitions: partitions, DrainTimeout: time.Second,
		})
		for p := range partitions {
			key := r.keyOf(p)
			go func() {
				for {
					select {
					case <-r.ended:
						return
					case <-time.After(time.Duration(random(2000)) * time.Millisecond):
					}
					_ = r.Do(t.Context(), key, func(ctx context.Context) error {
						if n := workers[p].Add(1); n > 1 {
							t.Errorf("P1: %d replicas work in partition %d", n, p)
						}
						works.Add(1)
						select {
						case <-ctx.Done():
						case <-time.After(time.Duration(random(5000)) * time.Millisecond):
						}
						workers[p].Add(-1)
						return nil
					})
				}
			}()
		}
		return r
	}
	var replicas []*replica
	for i := range 12 {
		replicas = append(replicas, start(i))
		time.Sleep(time.Duration(random(40)) * time.Second)
		if len(replicas) > 3 {
			replicas[0].stop()
			<-replicas[0].ended // Run may say that the Lease is left behind
			replicas = replicas[1:]
		}
	}
	calm.Store(true)
	sleep()
	owned := 0
	for _, r := range replicas {
		owned += r.owned()
	}
	if owned != partitions {
		t.Errorf("P2: %d of %d partitions are owned", owned, partitions)
	}
	if n := works.Load(); n < 20 { // there are about 190; the fewest of 1,000 rounds were 83
		t.Errorf("only %d works: the test shows little", n)
	}
	for _, r := range replicas {
		r.end(t)
	}
}
