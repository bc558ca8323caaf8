package record

import (
	"io"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// BenchmarkRecorder compares loads and stores of a map with those of the map recorded. lost/op tells how much of the
// recording got lost: this loop does nothing but operations, and leaves the writer no processor.
func BenchmarkRecorder(b *testing.B) {
	keys := make([]string, 1<<12)
	for i := range keys {
		keys[i] = "sessions/" + strconv.Itoa(i)
	}
	type simple interface {
		Load(string) (int, bool)
		Store(string, int)
	}
	run := func(b *testing.B, mine func() simple, done func() float64) {
		b.ReportAllocs()
		var goroutines atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			m, i := mine(), int(goroutines.Add(1))*1000
			for pb.Next() {
				i += 7
				if i%8 == 0 {
					m.Store(keys[i%len(keys)], i)
				} else {
					m.Load(keys[i%len(keys)])
				}
			}
		})
		b.ReportMetric(done()/float64(b.N), "lost/op")
	}
	b.Run("recorded=no", func(b *testing.B) {
		m := shardmap.New[string, int]()
		run(b, func() simple { return m }, func() float64 { return 0 })
	})
	for _, c := range []struct {
		name    string
		options Options
		handle  bool
	}{
		{"recorded=handle", Options{}, true},
		{"recorded=processor", Options{}, false},
		{"recorded=sample100", Options{Sample: 100}, true},
		{"recorded=block", Options{Block: true}, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			var written counter
			r := New(&written, c.options)
			m := Map(r, shardmap.New[string, int]())
			run(b, func() simple {
				if c.handle {
					return m.Goroutine()
				}
				return m
			}, func() float64 {
				if err := r.Close(); err != nil {
					b.Fatal(err)
				}
				return float64(r.Lost())
			})
			b.ReportMetric(float64(written)/max(1, float64(b.N)-float64(r.Lost())), "file-B/op")
		})
	}
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

var _ io.Writer = (*counter)(nil)
