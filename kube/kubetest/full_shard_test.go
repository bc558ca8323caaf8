//go:build kubefull && unix

package kubetest_test

import (
	"context"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/shardmap-go/shardmap/kube/shard"
)

// Package shard with Leases of coordination.k8s.io, under an account that has no other rights than the package comment asks for.

const (
	operators      = "operators" // the namespace of the Leases, and the account
	fullPartitions = 16
)

// documentedRules returns the rules in the package comment of package shard.
func documentedRules(t *testing.T) (rules []rbacv1.PolicyRule) {
	t.Helper()
	file := must(parser.ParseFile(token.NewFileSet(), "../shard/doc.go", nil, parser.ParseComments|parser.PackageClauseOnly))(t)
	_, text, found := strings.Cut(file.Doc.Text(), "\trules:\n")
	text, _, _ = strings.Cut(text, "\n\n")
	if err := yaml.UnmarshalStrict([]byte(strings.ReplaceAll(text, "\t", "")), &rules); err != nil || !found || len(rules) == 0 {
		t.Fatalf("the package comment of shard names no rules, but %q: %v", text, err)
	}
	return rules
}

// newAccount returns a configuration for clients of a new ServiceAccount, which has a Role with these rules in its namespace.
func (c *cluster) newAccount(namespace, name string, rules []rbacv1.PolicyRule) *rest.Config {
	c.t.Helper()
	named := metav1.ObjectMeta{Name: name}
	must(c.clients.RbacV1().Roles(namespace).Create(c.ctx, &rbacv1.Role{ObjectMeta: named, Rules: rules}, metav1.CreateOptions{}))(c.t)
	must(c.clients.RbacV1().RoleBindings(namespace).Create(c.ctx, &rbacv1.RoleBinding{
		ObjectMeta: named,
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
	}, metav1.CreateOptions{}))(c.t)
	accounts := c.clients.CoreV1().ServiceAccounts(namespace)
	must(accounts.Create(c.ctx, &corev1.ServiceAccount{ObjectMeta: named}, metav1.CreateOptions{}))(c.t)
	request := must(accounts.CreateToken(c.ctx, name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{}))(c.t)
	config := rest.AnonymousClientConfig(c.config)
	config.BearerToken = request.Status.Token
	return config
}

// A replica is a Sharder with a network that can be cut.
type replica struct {
	*shard.Sharder
	identity string
	isCut    atomic.Bool
	leave    func()
	left     chan error
}

// newReplica starts a replica, which leaves when the test ends, if not before.
func (c *cluster) newReplica(config *rest.Config, identity string) *replica {
	c.t.Helper()
	r := &replica{identity: identity, left: make(chan error, 1)}
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return network{next, &r.isCut} })
	clients := must(kubernetes.NewForConfig(config))(c.t)
	r.Sharder = must(shard.New(clients.CoordinationV1().Leases(operators), shard.Options{
		Group: "widgets", Identity: identity, Partitions: fullPartitions,
		LeaseDuration: 6 * time.Second, RenewDeadline: 3 * time.Second, RenewInterval: 200 * time.Millisecond,
	}))(c.t)
	r.leave = c.background(func(ctx context.Context) { r.left <- r.Run(ctx) })
	return r
}

// A network carries requests unless it is cut.
type network struct {
	http.RoundTripper
	isCut *atomic.Bool
}

func (n network) RoundTrip(r *http.Request) (*http.Response, error) {
	if n.isCut.Load() {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, errors.New("the network is cut")
	}
	return n.RoundTripper.RoundTrip(r)
}

// keysOf returns a key of each partition.
func keysOf(r *replica) []types.NamespacedName {
	keys := make([]types.NamespacedName, fullPartitions)
	for i, missing := 0, fullPartitions; missing > 0; i++ {
		key := types.NamespacedName{Namespace: "default", Name: "key-" + strconv.Itoa(i)}
		if p := r.Partition(key); keys[p].Name == "" {
			keys[p] = key
			missing--
		}
	}
	return keys
}

// works tells whether r works on key, and fails the test if another of the replicas owns the key meanwhile.
func (c *cluster) works(r *replica, all []*replica, key types.NamespacedName) bool {
	err := r.Do(c.ctx, key, func(context.Context) error {
		for _, other := range all {
			if other != r && other.Owns(key) && r.Owns(key) {
				c.t.Errorf("%s is owned by %s and %s", key, r.identity, other.identity)
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, shard.ErrLost) {
		c.t.Error(err)
	}
	return err == nil
}

// awaitShared waits until each partition is owned by one of the replicas in by, and each of these owns one. All of the
// replicas are asked: no two may own a partition.
func (c *cluster) awaitShared(when string, all []*replica, by ...*replica) {
	c.t.Helper()
	keys := keysOf(all[0])
	c.await(func() string {
		owners, owned := map[*replica]int{}, map[int]bool{}
		for p, key := range keys {
			for _, r := range all {
				if c.works(r, all, key) {
					owners[r]++
					owned[p] = true
				}
			}
		}
		for _, r := range by {
			if owners[r] == 0 {
				return fmt.Sprintf("%s: %s owns a partition", when, r.identity)
			}
		}
		if len(owned) < fullPartitions || len(owners) > len(by) {
			return fmt.Sprintf("%s: %d replicas own all partitions; %d own %d of them", when, len(by), len(owners), len(owned))
		}
		return ""
	})
}

// leases returns the names of the Leases that are there.
func (c *cluster) leases() (names []string) {
	c.t.Helper()
	for _, l := range must(c.clients.CoordinationV1().Leases(operators).List(c.ctx, metav1.ListOptions{}))(c.t).Items {
		names = append(names, l.Name)
	}
	return names
}

func TestFullPartitionsAreSharedByAnAccountWithTheDocumentedRules(t *testing.T) {
	c := newCluster(t)
	c.createNamespaces(operators)
	account := c.newAccount(operators, "widgets", documentedRules(t))
	c.checkRights(account)

	var all []*replica
	for _, identity := range []string{"a", "b", "c"} {
		all = append(all, c.newReplica(account, identity))
	}
	x, y, z := all[0], all[1], all[2]
	c.awaitShared("at the start", all, x, y, z)

	y.leave()
	if err := <-y.left; err != nil {
		t.Errorf("%s leaves: %v", y.identity, err)
	}
	if names := c.leases(); slices.Contains(names, y.Name()) {
		t.Errorf("%s has left, but there are the Leases %v", y.identity, names)
	}
	c.awaitShared("after one has left", all, x, z)

	z.isCut.Store(true)
	c.awaitShared("after one was cut off", all, x)
	c.await(func() string {
		if names := c.leases(); len(names) != 1 || names[0] != x.Name() {
			return fmt.Sprintf("%s deletes the Lease that has expired; there are %v", x.identity, names)
		}
		return ""
	})
	z.isCut.Store(false)
	c.awaitShared("after it is back", all, x, z)

	c.restart()
	c.awaitShared("after the API server was killed", all, x, z)
	for _, r := range []*replica{x, z} {
		r.leave()
		if err := <-r.left; err != nil {
			t.Errorf("%s leaves: %v", r.identity, err)
		}
	}
	if names := c.leases(); len(names) > 0 {
		t.Errorf("all have left, but there are the Leases %v", names)
	}
}

// What package shard relies on, and why it says a Lease's UID with each write: the API server takes an update of a Lease that is
// not there for its creation.
func TestFullALeaseThatHasGoneIsNotWritten(t *testing.T) {
	c := newCluster(t)
	c.createNamespaces(operators)
	leases := c.clients.CoordinationV1().Leases(operators)
	first := must(leases.Create(c.ctx, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "a"}}, metav1.CreateOptions{}))(t)
	writes := func(when string, want ...func(error) bool) {
		refused := func(err error) bool {
			return slices.ContainsFunc(want, func(is func(error) bool) bool { return is(err) })
		}
		if _, err := leases.Update(c.ctx, first, metav1.UpdateOptions{}); !refused(err) {
			t.Errorf("an update of a Lease %s: %v", when, err)
		}
		options := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(first.UID))}
		if err := leases.Delete(c.ctx, "a", options); !refused(err) {
			t.Errorf("the deletion of a Lease %s: %v", when, err)
		}
	}
	if err := leases.Delete(c.ctx, "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	writes("that was deleted", apierrors.IsNotFound, apierrors.IsConflict)

	anew := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "a"}}
	if _, err := leases.Update(c.ctx, anew, metav1.UpdateOptions{}); err != nil {
		t.Errorf("an update without a UID was to create the Lease: %v", err)
	}
	first.ResourceVersion = "" // so that the UID alone tells
	writes("that was deleted and created again", apierrors.IsConflict)
}

// checkRights sees that the account is refused what the rules do not say.
func (c *cluster) checkRights(account *rest.Config) {
	c.t.Helper()
	clients := must(kubernetes.NewForConfig(account))(c.t)
	own := clients.CoordinationV1().Leases(operators)
	c.await(func() string { // the Role may take a moment to take effect
		if _, err := own.List(c.ctx, metav1.ListOptions{}); err != nil {
			return fmt.Sprintf("the account may list its Leases: %v", err)
		}
		return ""
	})
	_, watch := own.Watch(c.ctx, metav1.ListOptions{})
	_, patch := own.Patch(c.ctx, "a", types.MergePatchType, []byte(`{}`), metav1.PatchOptions{})
	_, elsewhere := clients.CoordinationV1().Leases("default").List(c.ctx, metav1.ListOptions{})
	_, other := clients.CoreV1().Secrets(operators).List(c.ctx, metav1.ListOptions{})
	for what, err := range map[string]error{
		"watch its Leases": watch, "patch a Lease": patch, "list Leases elsewhere": elsewhere, "list Secrets": other,
	} {
		if !apierrors.IsForbidden(err) {
			c.t.Errorf("the account may %s: %v", what, err)
		}
	}
}
