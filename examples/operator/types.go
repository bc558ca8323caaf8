package main

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The API server of package kubetest knows custom resources only. So secrets, replicas and volumes are such.
var groupVersion = schema.GroupVersion{Group: "incidents.example.com", Version: "v1"}

// Resource is a custom resource with a specification of type S. What S refers to is shared by copies: it must not be modified.
type Resource[S any] struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              S `json:"spec"`
}

// List is a list of resources.
type List[S any] struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	Items           []Resource[S] `json:"items"`
}

type (
	// Secret is one of the keys of a keyring, which are rotated together.
	Secret     = Resource[SecretSpec]
	SecretSpec struct {
		Ring     string `json:"ring"`
		Rotation int    `json:"rotation"`
		Seed     []byte `json:"seed"` // of a signing key
	}

	// Parent wants to own a number of children.
	Parent     = Resource[ParentSpec]
	ParentSpec struct {
		Replicas int `json:"replicas"`
	}
	Child     = Resource[ChildSpec]
	ChildSpec struct{}

	// Volume stands for something outside the cluster.
	Volume     = Resource[VolumeSpec]
	VolumeSpec struct {
		Size int `json:"size"`
	}
)

// newScheme returns a scheme that knows the resources.
func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, groupVersion)
	add[SecretSpec](scheme, "Secret")
	add[ParentSpec](scheme, "Parent")
	add[ChildSpec](scheme, "Child")
	add[VolumeSpec](scheme, "Volume")
	return scheme
}

func add[S any](scheme *runtime.Scheme, kind string) {
	scheme.AddKnownTypeWithName(groupVersion.WithKind(kind), &Resource[S]{})
	scheme.AddKnownTypeWithName(groupVersion.WithKind(kind+"List"), &List[S]{})
}

// DeepCopyObject returns a copy of r.
func (r *Resource[S]) DeepCopyObject() runtime.Object {
	out := *r
	r.DeepCopyInto(&out.ObjectMeta)
	return &out
}

// DeepCopyObject returns a copy of l.
func (l *List[S]) DeepCopyObject() runtime.Object {
	out := *l
	l.DeepCopyInto(&out.ListMeta)
	out.Items = make([]Resource[S], len(l.Items))
	for i := range l.Items {
		out.Items[i] = l.Items[i]
		l.Items[i].DeepCopyInto(&out.Items[i].ObjectMeta)
	}
	return &out
}
