package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// A progress is a line on a terminal that is written over and over. Elsewhere it is nothing.
type progress struct {
	w         io.Writer // nil if it is no terminal
	workloads int
	start     time.Time
}

func newProgress(w io.Writer, workloads int) *progress {
	p := &progress{workloads: workloads, start: time.Now()}
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			p.w = w
		}
	}
	return p
}

// workload returns what the i-th workload reports its progress to.
func (p *progress) workload(i int, name string) func(strategy string, done, total int) {
	if p.w == nil {
		return nil
	}
	begun := time.Now()
	return func(strategy string, done, total int) {
		const width = 24
		part := (float64(i) + float64(done)/float64(total)) / float64(p.workloads)
		eta := "…"
		if done > 0 {
			perRun := time.Since(begun) / time.Duration(done)
			left := perRun * time.Duration(total-done+total*(p.workloads-1-i))
			eta = left.Round(time.Second).String()
		}
		full := int(part * width)
		fmt.Fprintf(p.w, "\r\x1b[K[%s%s] %3.0f %%  about %s left  %s: %s",
			strings.Repeat("#", full), strings.Repeat(".", width-full), 100*part, eta, name, strategy)
	}
}

// clear removes the line, to make room for others.
func (p *progress) clear() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
