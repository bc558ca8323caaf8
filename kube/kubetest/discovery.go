package kubetest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	crdinformers "k8s.io/apiextensions-apiserver/pkg/client/informers/externalversions/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/version"
)

// A server of custom resources serves the discovery of each group, but leaves the list of groups, /apis, to the
// aggregator in front of it, which is not here. rootDiscovery answers in its place, so that discovery clients
// and the REST mappers that are built on them work.
//
// And until the server has read its definitions it would say of custom resources that there are none, 404, which
// clients take for the answer. They are told to try again instead.
func rootDiscovery(next http.Handler, crds func() crdinformers.CustomResourceDefinitionInformer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isCustom(r.URL.Path) && !crds().Informer().HasSynced():
			w.Header().Set("Retry-After", "1")
			http.Error(w, "the server is starting", http.StatusServiceUnavailable)
		case r.Method == http.MethodGet && (r.URL.Path == "/apis" || r.URL.Path == "/apis/"):
			list, err := crds().Lister().List(labels.Everything())
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			answer(w, groupsOf(list))
		case r.Method == http.MethodGet && (r.URL.Path == "/api" || r.URL.Path == "/api/"):
			answer(w, metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions", APIVersion: "v1"}, Versions: []string{}})
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// isCustom reports whether the path is of a group that only definitions bring, or the list of all groups.
func isCustom(path string) bool {
	return strings.HasPrefix(path+"/", "/apis/") && !strings.HasPrefix(path+"/", "/apis/"+apiextensionsv1.GroupName+"/")
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // the client has gone
}

// groupsOf returns the groups that are served when there are these definitions: each with its versions, the
// most stable one first, which is the preferred one.
func groupsOf(crds []*apiextensionsv1.CustomResourceDefinition) *metav1.APIGroupList {
	versions := map[string][]string{apiextensionsv1.GroupName: {"v1"}}
	for _, crd := range crds {
		if !isEstablished(crd) {
			continue
		}
		group := crd.Spec.Group
		for _, v := range crd.Spec.Versions {
			if v.Served && !slices.Contains(versions[group], v.Name) {
				versions[group] = append(versions[group], v.Name)
			}
		}
	}
	all := &metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
	for group, names := range versions {
		slices.SortFunc(names, func(a, b string) int { return version.CompareKubeAwareVersionStrings(b, a) })
		g := metav1.APIGroup{Name: group}
		for _, name := range names {
			g.Versions = append(g.Versions, metav1.GroupVersionForDiscovery{GroupVersion: group + "/" + name, Version: name})
		}
		if len(g.Versions) > 0 {
			g.PreferredVersion = g.Versions[0]
			all.Groups = append(all.Groups, g)
		}
	}
	slices.SortFunc(all.Groups, func(a, b metav1.APIGroup) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func isEstablished(crd *apiextensionsv1.CustomResourceDefinition) bool {
	return slices.ContainsFunc(crd.Status.Conditions, func(c apiextensionsv1.CustomResourceDefinitionCondition) bool {
		return c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue
	})
}
