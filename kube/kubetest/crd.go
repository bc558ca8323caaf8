package kubetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
)

// NewCRD returns the definition of a resource with namespaces, whose objects may have any fields.
func NewCRD(group, version, kind, plural string) *apiextensionsv1.CustomResourceDefinition {
	anything := true
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: plural + "." + group},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: group,
			Names: apiextensionsv1.CustomResourceDefinitionNames{
				Plural: plural, Singular: strings.ToLower(kind), Kind: kind, ListKind: kind + "List",
			},
			Scope: apiextensionsv1.NamespaceScoped,
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: version, Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{
					OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &anything},
				},
			}},
		},
	}
}

// InstallCRD creates the definition crd, unless there is one of its name, and returns when in all served versions its objects can
// be listed, and discovery shows it. It returns an error if the API server refuses crd, or if ctx ends before.
func (s *Server) InstallCRD(ctx context.Context, crd *apiextensionsv1.CustomResourceDefinition) error {
	if crd == nil {
		return fmt.Errorf("kubetest: InstallCRD(nil): want a definition")
	}
	client, err := clientset.NewForConfig(s.Config())
	if err != nil {
		return fmt.Errorf("kubetest: InstallCRD of %s: %w", crd.Name, err)
	}
	crds := client.ApiextensionsV1().CustomResourceDefinitions()
	if _, err := crds.Create(ctx, crd, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("kubetest: InstallCRD of %s: %w", crd.Name, err)
	}
	objects, err := dynamic.NewForConfig(s.Config())
	if err != nil {
		return fmt.Errorf("kubetest: InstallCRD of %s: %w", crd.Name, err)
	}
	err = wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		got, err := crds.Get(ctx, crd.Name, metav1.GetOptions{})
		if err != nil || !isEstablished(got) {
			return false, err
		}
		return !slices.ContainsFunc(crd.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool {
			resource := schema.GroupVersionResource{Group: crd.Spec.Group, Version: v.Name, Resource: crd.Spec.Names.Plural}
			return v.Served && !(isListed(ctx, objects, resource) && isDiscovered(ctx, client.Discovery(), resource))
		}), nil
	})
	if err != nil {
		return fmt.Errorf("kubetest: InstallCRD of %s: %w", crd.Name, err)
	}
	return nil
}

// After a definition is established, the handlers of its objects and those of discovery are set up, each in their own time.

// isListed reports whether objects of the resource can be listed.
func isListed(ctx context.Context, objects dynamic.Interface, resource schema.GroupVersionResource) bool {
	_, err := objects.Resource(resource).List(ctx, metav1.ListOptions{Limit: 1})
	return err == nil
}

// isDiscovered reports whether discovery shows the resource.
func isDiscovered(ctx context.Context, discovered discovery.DiscoveryInterfaces, resource schema.GroupVersionResource) bool {
	list, err := discovered.ServerResourcesForGroupVersionWithContext(ctx, resource.GroupVersion().String())
	return err == nil && slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Name == resource.Resource })
}
