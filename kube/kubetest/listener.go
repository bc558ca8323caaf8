package kubetest

import (
	"net"
	"sync"
)

// A listener can be cut off: it then accepts nothing, and the connections that it has accepted break.
//
// The API server panics if its listener fails while it runs. So to whoever waits in Accept a listener that is cut off
// is silent, until it is closed.
type listener struct {
	net.Listener
	closed chan struct{} // closed by Close

	mu    sync.Mutex
	ended bool                  // guarded by mu: Close was called
	cut   bool                  // guarded by mu
	conns map[net.Conn]struct{} // guarded by mu: the open ones
}

// A conn is a connection that a listener knows until it is closed.
type conn struct {
	net.Conn
	of *listener
}

func newListener(l net.Listener) *listener {
	return &listener{Listener: l, closed: make(chan struct{}), conns: make(map[net.Conn]struct{})}
}

// Accept waits for the next connection.
func (l *listener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	l.mu.Lock()
	cut := l.cut
	if !cut && err == nil {
		accepted = &conn{accepted, l}
		l.conns[accepted] = struct{}{}
	}
	l.mu.Unlock()
	if !cut {
		return accepted, err
	}
	if err == nil {
		_ = accepted.Close()
	}
	<-l.closed
	return nil, net.ErrClosed
}

// Close closes the listener, and leaves its connections alone. It may be called again.
func (l *listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return nil
	}
	l.ended = true
	close(l.closed)
	if l.cut {
		return nil // it is closed
	}
	return l.Listener.Close()
}

// cutOff ends the listener and all its connections as the end of a process would.
func (l *listener) cutOff() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	_ = l.Listener.Close() // or it is closed already
	for c := range l.conns {
		_ = c.(*conn).Conn.Close()
	}
	clear(l.conns)
}

// Close closes the connection.
func (c *conn) Close() error {
	c.of.mu.Lock()
	delete(c.of.conns, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
