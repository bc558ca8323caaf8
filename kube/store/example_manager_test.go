package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/shardmap-go/shardmap/kube/store"
)

// With NewInformer, the cache of a manager reads from the store: Get takes no lock, and a List holds nobody up. In a manager it
// is ctrl.Options{Cache: cache.Options{NewInformer: store.NewInformer}}.
func ExampleNewInformer_manager() {
	server := httptest.NewServer(http.HandlerFunc(serveConfigMaps))
	defer server.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	config := &rest.Config{Host: server.URL, ContentConfig: rest.ContentConfig{ContentType: runtime.ContentTypeJSON}}
	options := cache.Options{NewInformer: store.NewInformer, Mapper: configMapMapper(), HTTPClient: server.Client()}
	reader, err := cache.New(config, options)
	if err != nil {
		fmt.Println(err)
		return
	}
	byTeam := func(obj client.Object) []string { return []string{obj.GetLabels()["team"]} }
	if err := reader.IndexField(ctx, &corev1.ConfigMap{}, "team", byTeam); err != nil {
		fmt.Println(err)
	}
	go func() { _ = reader.Start(ctx) }()
	fmt.Println(reader.WaitForCacheSync(ctx))

	var one corev1.ConfigMap
	err = reader.Get(ctx, types.NamespacedName{Namespace: "default", Name: "b"}, &one)
	fmt.Println(one.Data["key"], err)
	var red corev1.ConfigMapList
	err = reader.List(ctx, &red, client.InNamespace("default"), client.MatchingFields{"team": "red"})
	fmt.Println(len(red.Items), err)
	// Output:
	// true
	// value of b <nil>
	// 2 <nil>
}

func configMapMapper() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(corev1.SchemeGroupVersion.WithKind("ConfigMap"), meta.RESTScopeNamespace)
	return mapper
}

// serveConfigMaps is as much of an API server as an informer needs: a watch that begins with what there is.
func serveConfigMaps(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/v1/configmaps" || r.URL.Query().Get("sendInitialEvents") != "true" {
		http.Error(w, "only a watch of all ConfigMaps with initial events is served", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	send := func(event string, cm *corev1.ConfigMap) {
		cm.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}
		_ = json.NewEncoder(w).Encode(map[string]any{"type": event, "object": cm})
	}
	for i, team := range []string{"red", "blue", "red"} {
		name := string(rune('a' + i))
		cm := &corev1.ConfigMap{Data: map[string]string{"key": "value of " + name}}
		cm.Namespace, cm.Name, cm.ResourceVersion = "default", name, fmt.Sprint(i+1)
		cm.Labels = map[string]string{"team": team}
		send("ADDED", cm)
	}
	send("BOOKMARK", &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		ResourceVersion: "3", Annotations: map[string]string{metav1.InitialEventsAnnotationKey: "true"},
	}})
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}
