package objstate_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/shardmap-go/shardmap/kube/objstate"
)

// testSeed returns the seed of a randomised test and prints it, so that a failure can be had again with
// SHARDMAP_SEED=<seed> go test -run <test>.
func testSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("SHARDMAP_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SHARDMAP_SEED=%s: %v", s, err)
		}
	}
	t.Logf("SHARDMAP_SEED=%d", seed)
	return seed
}

// pod returns an object of a namespace that all share.
func pod(name, uid, version string, owners ...string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "default", Name: name, UID: types.UID(uid), ResourceVersion: version,
	}}
	for _, o := range owners {
		p.OwnerReferences = append(p.OwnerReferences, metav1.OwnerReference{UID: types.UID(o)})
	}
	return p
}

// named returns the name that pod gives.
func named(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "default", Name: name}
}

// setTo returns a function for Observe that makes state the state, whatever it was.
func setTo[S any](state S) func(S, bool) (S, error) {
	return func(S, bool) (S, error) { return state, nil }
}

// observe observes p and fails the test unless it is taken, or not, as told.
func observe[S any](t *testing.T, m *objstate.Map[S], p *corev1.Pod, state S, taken bool) {
	t.Helper()
	took, err := m.Observe(p, setTo(state))
	if took != taken || err != nil {
		t.Errorf("Observe of %s, UID %s, at %s: %v, %v, want %v", p.Name, p.UID, p.ResourceVersion, took, err, taken)
	}
}

// mustDelete deletes p.
func mustDelete[S any](t *testing.T, m *objstate.Map[S], p *corev1.Pod) (dropped bool) {
	t.Helper()
	dropped, err := m.Delete(p)
	if err != nil {
		t.Error(err)
	}
	return dropped
}

// panicOf returns what f panics with, as text, or the empty string.
func panicOf(f func()) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprint(r)
		}
	}()
	f()
	return ""
}

// survive runs f, which panics or exits, in a goroutine of its own.
func survive(f func()) {
	var group sync.WaitGroup
	group.Go(func() {
		defer func() { _ = recover() }()
		f()
	})
	group.Wait()
}

// inParallel runs f in n goroutines that start together, and waits for them.
func inParallel(seed uint64, n int, f func(id int, rng *rand.Rand)) {
	var group sync.WaitGroup
	start := make(chan struct{})
	for id := range n {
		group.Go(func() {
			<-start
			f(id, rand.New(rand.NewPCG(seed, uint64(id))))
		})
	}
	close(start)
	group.Wait()
}

// waver lets others run now and then, which on few processors they seldom would.
func waver(rng *rand.Rand) {
	if rng.IntN(8) == 0 {
		runtime.Gosched()
	}
}
