package main

import (
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// The plain-map sweep ends the process it runs in, so the test runs its own
// binary once more with this variable set.
const plainMapVariable = "SHARDMAP_EXAMPLE_SWEEP_PLAIN_MAP"

func TestMain(m *testing.M) {
	if os.Getenv(plainMapVariable) != "" {
		sweepPlainMap()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// sweepPlainMap is what everybody writes first. One writer refreshes what is
// there and the sweep finds nothing stale, so that the map itself is the only
// thing that can go wrong. The sweeps are far more than the crash ever needs,
// which comes as soon as one step of the range falls into one write.
func sweepPlainMap() {
	const objects, sweeps = 1_000, 100_000
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0))) // the writer needs a thread of its own
	m := map[string]int{}
	names := make([]string, objects)
	for i := range names {
		names[i] = objectName(i)
		m[names[i]] = 1
	}
	started := make(chan struct{})
	go func() {
		close(started)
		for {
			for _, name := range names {
				m[name] = 1
			}
		}
	}()
	<-started
	for range sweeps {
		for name, last := range m {
			if last < 1 {
				delete(m, name)
			}
		}
	}
}

func TestSweepingAPlainMapWhileOthersWriteEndsTheProgram(t *testing.T) {
	const tries = 5
	binary, err := os.Executable()
	require.NoError(t, err)
	var output []byte
	for range tries {
		child := exec.CommandContext(t.Context(), binary)
		child.Env = append(os.Environ(), plainMapVariable+"=1")
		if output, err = child.CombinedOutput(); err != nil {
			break
		}
	}
	require.Error(t, err, "%d programs swept a plain map and none ended early", tries)
	require.Contains(t, string(output), "fatal error: concurrent map iteration and map write")
}

// Properties:
//  1. sweeps and writes at the same time end nothing;
//  2. an object that the resync lists is there afterwards, refreshed, however
//     the sweeps met it;
//  3. an object that it does not list is gone after the last sweep;
//  4. what the sweeps counted is what they removed: each object that is not
//     listed once, and a listed one at most once, before its refresh.
func TestSweepingWhileOthersWriteRemovesTheStaleAndOnlyThose(t *testing.T) {
	const objects, writers, sweepers, resyncs = 4_000, 4, 2, 10
	var m seen
	for i := range objects {
		m.Store(objectName(i), 1)
	}
	for resync := 2; resync < 2+resyncs; resync++ {
		listed := func(i int) bool { return i%resync != 0 }
		before := m.Len()
		var swept, created atomic.Int64
		var workers sync.WaitGroup
		start := make(chan struct{})
		for w := range writers {
			workers.Go(func() {
				<-start
				for i := w; i < objects; i += writers {
					if !listed(i) {
						continue
					}
					if _, loaded := m.Swap(objectName(i), resync); !loaded {
						created.Add(1)
					}
				}
			})
		}
		for range sweepers {
			workers.Go(func() {
				<-start
				swept.Add(int64(sweep(&m, resync)))
			})
		}
		close(start)
		workers.Wait()
		swept.Add(int64(sweep(&m, resync)))

		for i := range objects {
			last, ok := m.Load(objectName(i))
			require.Equal(t, listed(i), ok, "resync %d, %s", resync, objectName(i))
			if ok {
				require.Equal(t, resync, last)
			}
		}
		require.EqualValues(t, before+int(created.Load())-m.Len(), swept.Load())
	}
}
