package kubetest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/fake"
	"k8s.io/apiextensions-apiserver/pkg/client/informers/externalversions"
	crdinformers "k8s.io/apiextensions-apiserver/pkg/client/informers/externalversions/apiextensions/v1"
)

// What Kubernetes answers for a path that it does not know stands for what it answers before it knows its definitions.
func TestCustomResourcesAreUnavailableUntilTheDefinitionsAreRead(t *testing.T) {
	factory := externalversions.NewSharedInformerFactory(fake.NewClientset(), 0)
	crds := factory.Apiextensions().V1().CustomResourceDefinitions()
	crds.Informer() // or the factory starts nothing
	handler := rootDiscovery(http.NotFoundHandler(), func() crdinformers.CustomResourceDefinitionInformer { return crds })
	get := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRecorder()
		handler.ServeHTTP(r, httptest.NewRequest(http.MethodGet, path, nil))
		return r
	}
	custom := []string{"/apis", "/apis/", "/apis/example.com/v1", "/apis/example.com/v1/namespaces/default/widgets/a"}
	for _, path := range custom {
		if r := get(path); r.Code != http.StatusServiceUnavailable || r.Header().Get("Retry-After") == "" {
			t.Errorf("%s before the definitions are read: %d %v", path, r.Code, r.Header())
		}
	}
	for _, path := range []string{"/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "/apis/apiextensions.k8s.io", "/readyz", "/api/v1/x"} {
		if r := get(path); r.Code != http.StatusNotFound {
			t.Errorf("%s, which no definition brings: %d", path, r.Code)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	for i, path := range custom {
		if r := get(path); (r.Code == http.StatusOK) != (i < 2) || r.Code == http.StatusServiceUnavailable {
			t.Errorf("%s afterwards: %d", path, r.Code)
		}
	}
}
