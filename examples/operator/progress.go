package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress tells how far the program is: on a terminal by a line that is rewritten in place, elsewhere by a line for
// each step.
type progress struct {
	out      io.Writer
	terminal bool

	mu          sync.Mutex
	text        string // guarded by mu, as are the others
	done, total int
	shown       time.Time
}

// begin begins a step that has total parts, or 0 if nobody knows.
func (p *progress) begin(total int, format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text, p.done, p.total = fmt.Sprintf(format, args...), 0, total
	if p.terminal {
		p.show()
	} else {
		fmt.Fprintln(p.out, p.text)
	}
}

// part counts a part of the step as done.
func (p *progress) part() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if p.terminal && (p.done == p.total || time.Since(p.shown) > time.Second/10) {
		p.show()
	}
}

// end takes the line away.
func (p *progress) end() {
	if p.terminal {
		fmt.Fprint(p.out, "\r\033[K")
	}
}

// show rewrites the line; mu must be held.
func (p *progress) show() {
	p.shown = time.Now()
	fmt.Fprintf(p.out, "\r\033[K%s", p.text)
	if p.total > 0 {
		fmt.Fprintf(p.out, ": %d of %d", p.done, p.total)
	}
}
