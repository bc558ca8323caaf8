package reconciler

import (
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/index"
	"github.com/shardmap-go/shardmap/kube/objstate"
	"github.com/shardmap-go/shardmap/ttl"
	"github.com/shardmap-go/shardmap/versioned"
)

// BenchmarkMemory measures bytes of heap per entry: what a type of map keeps for it, without the data that keys and values
// point to. Values are pointers, keys namespaced names; each object has a UID and a version of its own, and a tenth as many
// owners as there are objects.
func BenchmarkMemory(b *testing.B) {
	value := new(Health)
	kinds := []struct {
		name string
		fill func(objects []metav1.ObjectMeta) any
	}{
		{"map", func(objects []metav1.ObjectMeta) any {
			m := map[types.NamespacedName]*Health{}
			for i := range objects {
				m[key(&objects[i])] = value
			}
			return m
		}},
		{"sync.Map", func(objects []metav1.ObjectMeta) any {
			m := new(sync.Map)
			for i := range objects {
				m.Store(key(&objects[i]), value)
			}
			return m
		}},
		{"shardmap.Map", func(objects []metav1.ObjectMeta) any {
			m := new(shardmap.Map[types.NamespacedName, *Health])
			for i := range objects {
				m.Store(key(&objects[i]), value)
			}
			return m
		}},
		{"ttl.Map", func(objects []metav1.ObjectMeta) any {
			m := ttl.New[types.NamespacedName, *Health](ttl.WithLifetime(ttl.Lifetime{TTL: ttl.Forever - 1}))
			for i := range objects {
				if err := m.Store(key(&objects[i]), value); err != nil {
					b.Error(err)
				}
			}
			return m
		}},
		{"versioned.Map", func(objects []metav1.ObjectMeta) any {
			m := versioned.New[types.NamespacedName, *Health, uint64]()
			for i := range objects {
				m.Observe(key(&objects[i]), uint64(i)+1, value)
			}
			return m
		}},
		{"index.Owners", func(objects []metav1.ObjectMeta) any {
			m := new(index.Owners[types.UID, types.NamespacedName])
			for i := range objects {
				m.Link(objects[i].OwnerReferences[0].UID, key(&objects[i]))
			}
			return m
		}},
		{"objstate.Map/owners=0", func(objects []metav1.ObjectMeta) any { return states(b, objects, value, 0) }},
		{"objstate.Map/owners=1", func(objects []metav1.ObjectMeta) any { return states(b, objects, value, 1) }},
		{"objstate.Map/tombstones", func(objects []metav1.ObjectMeta) any {
			m := states(b, objects, value, 1)
			for i := range objects {
				if _, err := m.Delete(&objects[i]); err != nil {
					b.Error(err)
				}
			}
			return m
		}},
	}
	for _, kind := range kinds {
		for _, n := range []int{1_000, 50_000} {
			b.Run(fmt.Sprintf("of=%s/n=%d", kind.name, n), func(b *testing.B) {
				objects := newObjects(n)
				maps := make([]any, 100_000/n)
				for b.Loop() {
					clear(maps)
					before := heap()
					for i := range maps {
						maps[i] = kind.fill(objects)
					}
					b.ReportMetric(float64(heap()-before)/float64(n*len(maps)), "B/entry")
				}
				runtime.KeepAlive(maps)
				runtime.KeepAlive(objects)
			})
		}
	}
}

func states(b *testing.B, objects []metav1.ObjectMeta, value *Health, owners int) *objstate.Map[*Health] {
	m := new(objstate.Map[*Health])
	for i := range objects {
		obj := objects[i]
		obj.OwnerReferences = obj.OwnerReferences[:owners]
		if _, err := m.Observe(&obj, func(*Health, bool) (*Health, error) { return value, nil }); err != nil {
			b.Error(err)
		}
	}
	return m
}

func newObjects(n int) []metav1.ObjectMeta {
	objects := make([]metav1.ObjectMeta, n)
	for i := range objects {
		objects[i] = metav1.ObjectMeta{
			Namespace: "default", Name: fmt.Sprint("widget-", i), UID: types.UID(fmt.Sprintf("%036d", i)),
			ResourceVersion: strconv.Itoa(i + 1),
			OwnerReferences: []metav1.OwnerReference{{UID: types.UID(fmt.Sprintf("%036d", n+i/10))}},
		}
	}
	return objects
}

func key(obj *metav1.ObjectMeta) types.NamespacedName {
	return types.NamespacedName{Namespace: obj.Namespace, Name: obj.Name}
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
