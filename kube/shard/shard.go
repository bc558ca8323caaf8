package shard

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
)

// ErrLost is the cause of the end of a context that [Sharder.Do] gave to work whose partition is lost, and
// the error of Do if the key is not owned to begin with.
var ErrLost = errors.New("shard: the key belongs to another replica")

// A Sharder is one replica's part in sharing the keys of a group. [New] makes one, and it owns nothing before Run is
// called. Its methods may be called by any number of goroutines.
type Sharder struct {
	options Options
	leases  coordinationv1.LeaseInterface
	name    string // of the Lease
	started time.Time
	ran     atomic.Bool

	// grant is what this replica owns, and until when. It is replaced as a whole, so that whoever reads it reads a
	// deadline with the partitions that it is the deadline of. Run replaces it; Owns puts spent in its place when
	// it finds the deadline passed. Run replaces a grant that it has renewed by compare-and-swap and so
	// notices that somebody has been refused on its account, and that the keys of that partition have to be
	// gained anew, lest they be forgotten.
	grant atomic.Pointer[grant]
	gates [maxPartitions]gate

	// wake is sent to, without waiting, when Run should look at the gates.
	wake chan struct{}

	mu      sync.Mutex
	sources []*gains // guarded by mu
}

// A grant never changes.
type grant struct {
	held  set
	until time.Time
}

var spent = &grant{}

// New returns a Sharder that keeps its Lease in leases, which is what a clientset's CoordinationV1().Leases(namespace)
// returns. It needs the verbs create, get, list, update and delete there, and should not be limited to fewer than a
// few requests a second. Its calls have to return when their contexts end, as those of client-go do: a call that the
// deadline of the Lease finds under way delays what is to happen then, but for the answers of Owns and Do. A client that
// sets no resourceVersion, such as client-go's fake clientset, does for one replica only: to two, each other's Lease
// would never change, and expire. New makes no request. It returns an error that names the option and the value if one
// is bad, or if leases is nil.
func New(leases coordinationv1.LeaseInterface, options Options) (*Sharder, error) {
	if leases == nil {
		return nil, errors.New("shard: New with leases nil: want a client for the Leases of a namespace")
	}
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Sharder{
		options: options, leases: leases, started: time.Now(),
		// Another start under the same identity is another replica: what the old process may still be doing is
		// bound to the old Lease. 16 digits of base32 are 80 random bits.
		name: fmt.Sprintf("%s-%s-%s", options.Group, options.Identity, strings.ToLower(rand.Text()[:16])),
		wake: make(chan struct{}, 1),
	}
	s.grant.Store(spent)
	return s, nil
}

// Name returns the name of this replica's Lease: the group, the identity, and something that no other replica has: New
// drew it at random. A process that is to be multiplied, by a snapshot of its machine or its memory, has to do so
// before New: the copies would take each other's Lease for theirs.
func (s *Sharder) Name() string { return s.name }

// Partition returns the partition of key, from 0 up to Options.Partitions. It is the same in every replica and
// at all times. It neither locks nor allocates.
func (s *Sharder) Partition(key types.NamespacedName) int {
	return partitionOf(key, s.options.Partitions)
}

// Owns tells whether this replica owns key now: it holds the partition, and its Lease is valid. The answer may be out
// of date when it is given; only within [Sharder.Do] does it last. When it has become false for a partition, OnLost is
// called, and OnGained if it becomes true again, however short the time between.
//
// It takes no lock and allocates nothing.
func (s *Sharder) Owns(key types.NamespacedName) bool { return s.owns(s.Partition(key)) }

func (s *Sharder) owns(partition int) bool {
	for {
		switch g := s.grant.Load(); {
		case !g.held.has(partition):
			return false
		case time.Now().Before(g.until):
			return true
		case s.grant.CompareAndSwap(g, spent):
			return false
		}
		// Run has replaced g. If it was a renewal, a refusal would go unnoticed: the next grant decides.
	}
}

// Do calls work if this replica owns key, and returns its error; if it does not, Do returns [ErrLost] and does not call
// work. The partition goes to no other replica before work has returned, unless the Lease is lost.
//
// The context of work ends when ctx does; with the cause ErrLost when the Lease is lost; and Options.DrainTimeout after
// the partition was to go. If the Lease is lost, work has until the end of Options.LeaseDuration to return, after which
// another replica may work on the same key: nothing can keep a write that is under way from reaching what it is sent
// to. See the package comment.
//
// Do takes a mutex that belongs to the partition, twice and briefly, and allocates two contexts. It may be called from
// within work.
func (s *Sharder) Do(ctx context.Context, key types.NamespacedName, work func(ctx context.Context) error) error {
	p := s.Partition(key)
	hold, ok := s.gates[p].enter()
	if !ok {
		return ErrLost
	}
	defer s.leave(p)
	if !s.owns(p) {
		return ErrLost
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(hold, func() { cancel(ErrLost) })()
	return work(ctx)
}

// leave ends a piece of work in partition p.
func (s *Sharder) leave(p int) {
	if s.gates[p].leave() {
		s.wakeUp()
	}
}

func (s *Sharder) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default: // it is awake already
	}
}
