package kubetest_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"

	"github.com/shardmap-go/shardmap/kube/kubetest"
)

func TestWhatIsInstalledIsDiscoveredAtOnce(t *testing.T) {
	ctx, server, _ := start(t)
	client := must(discovery.NewDiscoveryClientForConfig(server.Config()))(t)
	var installs sync.WaitGroup
	for i := range 20 { // together, so that the API server has something to do
		installs.Go(func() {
			plural := fmt.Sprintf("gadget%ds", i)
			crd := kubetest.NewCRD(widgets.Group, widgets.Version, fmt.Sprint("Gadget", i), plural)
			newer := crd.Spec.Versions[0]
			newer.Name, newer.Storage = "v2", false
			hidden := newer
			hidden.Name, hidden.Served = "v3", false
			crd.Spec.Versions = append(crd.Spec.Versions, newer, hidden)
			if err := server.InstallCRD(ctx, crd); err != nil {
				t.Error(err)
				return
			}
			for _, version := range []string{"v1", "v2"} {
				list, err := client.ServerResourcesForGroupVersionWithContext(ctx, widgets.Group+"/"+version)
				if err != nil {
					t.Error(err)
				} else if !slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Name == plural }) {
					t.Errorf("discovery does not show the %s of %s", plural, version)
				}
			}
		})
	}
	installs.Wait()
}
