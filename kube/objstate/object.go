package objstate

import (
	"fmt"
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// eventOf returns what obj tells of itself, or an error if that does not say which object it is. A version that is not
// well-formed is left out, and returned as the second error.
func eventOf(method string, obj metav1.Object) (e event, badVersion, err error) {
	if v := reflect.ValueOf(obj); obj == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		return e, nil, fmt.Errorf("objstate: %s of a nil object: want one from the API server", method)
	}
	e = event{
		key:     types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()},
		uid:     obj.GetUID(),
		version: obj.GetResourceVersion(),
	}
	if err := check(method, e.key, e.uid); err != nil {
		return e, nil, err
	}
	if err := checkVersion(e.version); err != nil {
		badVersion = fmt.Errorf("objstate: %s of %s with resourceVersion %q: %w", method, e.key, e.version, err)
		e.version = ""
	}
	for _, o := range obj.GetOwnerReferences() {
		if o.UID != "" {
			e.owners = append(e.owners, o.UID)
		}
	}
	return e, badVersion, nil
}

// check returns an error if key and uid do not tell an object.
func check(method string, key types.NamespacedName, uid types.UID) error {
	if key.Name == "" {
		return fmt.Errorf("objstate: %s of %q: it has no name", method, key)
	}
	if uid == "" {
		return fmt.Errorf("objstate: %s of %s: it has no UID", method, key)
	}
	return nil
}

// checkVersion returns an error if version cannot be compared. apimachinery tells that by comparing.
func checkVersion(version string) error {
	_, err := resourceversion.CompareResourceVersion(version, version)
	return err
}
