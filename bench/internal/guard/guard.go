// Package guard calls code that may panic or never come back.
package guard

import (
	"context"
	"fmt"
	"time"
)

// afterInterrupt is how long a map may take to come back after the user has asked to stop.
const afterInterrupt = 2 * time.Second

// Within returns what f does, or gives up waiting after a while and returns false. A panic of the map is an error.
func Within[T any](ctx context.Context, patience time.Duration, f func() (T, error)) (result T, finished bool, err error) {
	type outcome struct {
		result T
		err    error
	}
	outcomes := make(chan outcome, 1) // nobody has to be there to receive
	go func() {
		var o outcome
		defer func() {
			if r := recover(); r != nil {
				o.err = fmt.Errorf("panicked: %v", r)
			}
			outcomes <- o
		}()
		o.result, o.err = f()
	}()
	timeout := time.After(patience)
	select {
	case o := <-outcomes:
		return o.result, true, o.err
	case <-ctx.Done():
		timeout = time.After(afterInterrupt)
	case <-timeout:
		return result, false, nil
	}
	select {
	case o := <-outcomes:
		return o.result, true, o.err
	case <-timeout:
		return result, false, nil
	}
}
