package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/shardmap-go/shardmap"
)

// Incident: secrets are rotated under load.
//
// The secrets of a keyring are rotated together. A reconciler publishes a ring when all of its secrets have got there.
// Consumers, such as the proxies that an operator configures, take over what has changed whenever they are woken.
// After each rotation all should have the new key of each secret, and none should ever have had a ring of which one key
// was new and another old.

const (
	secretsPerRing = 4
	rotations      = 3
	consumers      = 8
)

// keys is where the reconciler leaves the secrets for the consumers.
type keys interface {
	publish(ring []Secret)
	// reader returns what a consumer calls again and again to be told of the secrets that have changed.
	reader() (look func(use func(Secret)))
}

// naiveKeys numbers the changes. A consumer that remembers the highest number it has seen takes only what is newer.
//
// But Range shows each key at a time of its own: if it has passed A, then A changes, and B, and then it comes to B, then
// the consumer has seen the number of B, and will never look for the one of A.
type naiveKeys struct {
	secrets sync.Map // of numbered, by name
	last    atomic.Int64
}

type numbered struct {
	number int64
	secret Secret
}

func (k *naiveKeys) publish(ring []Secret) {
	for _, s := range ring {
		k.secrets.Store(s.Name, numbered{k.last.Add(1), s})
	}
}

func (k *naiveKeys) reader() func(use func(Secret)) {
	var seen int64
	return func(use func(Secret)) {
		newest := seen
		k.secrets.Range(func(_, value any) bool {
			if e := value.(numbered); e.number > seen {
				use(e.secret)
				newest = max(newest, e.number)
			}
			return true
		})
		seen = newest
	}
}

// shardmapKeys has one value for what belongs together. A consumer compares the map as it is at one instant with the map
// as it was when it last looked: there is nothing in between that it could miss.
type shardmapKeys struct {
	rings shardmap.Map[string, *[]Secret]
}

func (k *shardmapKeys) publish(ring []Secret) {
	k.rings.Store(ring[0].Spec.Ring, &ring)
}

func (k *shardmapKeys) reader() func(use func(Secret)) {
	last := k.rings.Snapshot()
	return func(use func(Secret)) {
		now := k.rings.Snapshot()
		for _, change := range now.Diff(last) {
			for _, s := range *change.New { // rings change, but do not go
				use(s)
			}
		}
		last = now
	}
}

// A ringReconciler publishes rings.
type ringReconciler struct {
	client.Client
	keys      keys
	published shardmap.Map[string, int] // the rotation of each ring, for the driver
	consumers []*consumer
}

func (r *ringReconciler) Reconcile(ctx context.Context, ring reconcile.Request) (reconcile.Result, error) {
	var secrets List[SecretSpec]
	err := r.List(ctx, &secrets, client.InNamespace(ring.Namespace), client.MatchingFields{"ring": ring.Name})
	if err != nil || len(secrets.Items) < secretsPerRing {
		return reconcile.Result{}, err
	}
	rotation := secrets.Items[0].Spec.Rotation
	if slices.ContainsFunc(secrets.Items, func(s Secret) bool { return s.Spec.Rotation != rotation }) {
		return reconcile.Result{}, nil // in the middle of a rotation: the other secrets' events are to come
	}
	r.keys.publish(secrets.Items)
	r.published.Store(ring.Name, rotation)
	for _, c := range r.consumers {
		c.wake()
	}
	return reconcile.Result{}, nil
}

func (r *ringReconciler) setUp(mgr ctrl.Manager) error {
	r.Client = mgr.GetClient()
	ringOf := func(obj client.Object) string { return obj.(*Secret).Spec.Ring }
	err := mgr.GetFieldIndexer().IndexField(context.Background(), &Secret{}, "ring",
		func(obj client.Object) []string { return []string{ringOf(obj)} })
	if err != nil {
		return err
	}
	for range consumers {
		c := &consumer{look: r.keys.reader(), woken: make(chan struct{}, 1), keys: make(map[string]key)}
		r.consumers = append(r.consumers, c)
		if err := mgr.Add(manager.RunnableFunc(c.run)); err != nil {
			return err
		}
	}
	return ctrl.NewControllerManagedBy(mgr).Named("rings").
		Watches(&Secret{}, handler.EnqueueRequestsFromMapFunc(func(_ context.Context, obj client.Object) []reconcile.Request {
			return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: obj.GetNamespace(), Name: ringOf(obj)}}}
		})).Complete(r)
}

// A consumer signs with the keys.
type consumer struct {
	woken chan struct{}

	mu   sync.Mutex
	look func(use func(Secret)) // guarded by mu, as are the others
	keys map[string]key         // by the secret's name
	torn int                    // rings that had keys of two rotations after it had looked
}

type key struct {
	rotation int
	private  ed25519.PrivateKey
}

func (c *consumer) wake() {
	select {
	case c.woken <- struct{}{}:
	default: // it will look anyway
	}
}

func (c *consumer) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.woken:
			c.takeOver()
		}
	}
}

// takeOver takes over what has changed, and then checks the rings that have.
func (c *consumer) takeOver() {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed := make(map[string]bool)
	c.look(func(s Secret) {
		c.keys[s.Name] = key{s.Spec.Rotation, ed25519.NewKeyFromSeed(s.Spec.Seed)}
		changed[s.Spec.Ring] = true
	})
	for ring := range changed {
		for i := range secretsPerRing {
			if c.keys[secretName(ring, i)].rotation != c.keys[secretName(ring, 0)].rotation {
				c.torn++
				break
			}
		}
	}
}

// countOf returns the number of the secrets of which it has the key of that rotation.
func (c *consumer) countOf(rotation int) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.keys {
		if k.rotation == rotation {
			n++
		}
	}
	return n
}

// rotate is the incident.
func rotate(ctx context.Context, w *world, namespace string, k keys) (outcome, error) {
	r := &ringReconciler{keys: k}
	rings := make([][secretsPerRing]Secret, max(1, w.objects/secretsPerRing))
	secrets := len(rings) * secretsPerRing
	var missed, torn int
	err := w.operate(ctx, namespace, r.setUp, func(ctx context.Context) error {
		for rotation := range rotations + 1 {
			step := fmt.Sprintf("%s: rotation %d of %d", namespace, rotation, rotations)
			err := w.each(ctx, len(rings), step, func(ctx context.Context, i int) error {
				return w.rotate(ctx, namespace, fmt.Sprintf("ring-%05d", i), rotation, &rings[i])
			})
			if err != nil {
				return err
			}
			if err := until(ctx, func() (bool, error) { return r.hasPublished(len(rings), rotation), nil }); err != nil {
				return err
			}
			for _, c := range r.consumers {
				c.takeOver() // one more look, now that nothing changes
				missed += secrets - c.countOf(rotation)
			}
		}
		return nil
	})
	for _, c := range r.consumers {
		torn += c.torn
	}
	all := (rotations + 1) * consumers * secrets
	return outcome{{missed, fmt.Sprintf("of %d keys missed", all)}, {torn, "torn keyrings used"}}, err
}

// hasPublished reports whether that many rings have been published with a rotation.
func (r *ringReconciler) hasPublished(rings, rotation int) bool {
	n := 0
	for _, published := range r.published.Snapshot().All() {
		if published == rotation {
			n++
		}
	}
	return n == rings
}

// rotate gives all secrets of a ring a new key.
func (w *world) rotate(ctx context.Context, namespace, ring string, rotation int, secrets *[secretsPerRing]Secret) error {
	for i := range secrets {
		s := &secrets[i]
		s.Spec = SecretSpec{Ring: ring, Rotation: rotation, Seed: make([]byte, ed25519.SeedSize)}
		rand.Read(s.Spec.Seed)
		var err error
		if rotation == 0 {
			err = w.create(ctx, s, namespace, secretName(ring, i))
		} else {
			err = w.client.Update(ctx, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func secretName(ring string, i int) string { return fmt.Sprintf("%s-%d", ring, i) }
