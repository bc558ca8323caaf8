// Package kubetest runs an API server for custom resources in the test's own process, in about a second.
//
// It is the real thing, as far as it goes: etcd, the storage, watch cache, validation and HTTP layers of Kubernetes, with
// real resourceVersions, UIDs, conflicts, bookmarks and expired watches. So a test of what a program makes of lists and
// watches can use it instead of a fake, kill it in the middle, and start it again on the same data:
//
//	server, err := kubetest.Start(ctx)
//	defer server.Stop()
//	err = server.InstallCRD(ctx, kubetest.NewCRD("example.com", "v1", "Widget", "widgets"))
//	client, err := dynamic.NewForConfig(server.Config())
//	…
//	err = server.Kill() // connections break; etcd keeps the objects
//	err = server.Restart(ctx)
//
// It knows custom resources only: no namespaces (any may be used), pods, secrets, leases or RBAC, no admission, no
// garbage collection, and whoever connects may do everything. It listens on the loopback interface: after a restart on the
// same port, unless another process has taken it meanwhile, which makes Restart fail.
//
// For what needs the rest, the tests with the build tag kubefull run against a whole kube-apiserver: make kube-full.
package kubetest
