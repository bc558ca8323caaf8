package ttl_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shardmap-go/shardmap/ttl"
)

func Example() {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC) // a clock to play with; leave it out for the real one
	sessions := ttl.New[string, string](
		ttl.WithClock(func() time.Time { return now }),
		ttl.WithLifetime(ttl.Lifetime{TTL: 8 * time.Hour, Idle: 30 * time.Minute}),
		ttl.WithOnEvict(func(id, user string, reason ttl.Reason) { fmt.Println(user, reason) }),
	)
	_ = sessions.Store("4711", "alice")
	_ = sessions.Store("4712", "bob")

	now = now.Add(20 * time.Minute)
	user, ok := sessions.Load("4711") // which prolongs it
	fmt.Println(user, ok)

	now = now.Add(20 * time.Minute)
	fmt.Println(sessions.Len(), sessions.Snapshot().Len())
	sessions.Collect() // what the janitor, sessions.Start(ctx), does once per second
	fmt.Println(sessions.Len())
	// Output:
	// alice true
	// 2 1
	// bob expired
	// 1
}

func ExampleMap() {
	var m ttl.Map[string, int] // the zero value is ready to use
	_ = m.StoreFor("short", 1, ttl.Lifetime{TTL: time.Nanosecond})
	_ = m.Store("for ever", 2)
	time.Sleep(time.Microsecond)
	_, ok := m.Load("short")
	fmt.Println(ok)
	value, ok := m.Load("for ever")
	fmt.Println(value, ok)
	// Output:
	// false
	// 2 true
}

func ExampleMap_LoadOrCompute() {
	var secrets ttl.Map[string, string]
	read := func(context.Context) (string, ttl.Lifetime, error) {
		fmt.Println("reading")
		return "", ttl.Lifetime{TTL: 10 * time.Second}, errors.New("no such secret") // cached for so long
	}
	for range 2 {
		_, err := secrets.LoadOrCompute(context.Background(), "token", read)
		fmt.Println(err)
	}
	secrets.Delete("token") // a watch says that it was created
	token, err := secrets.LoadOrCompute(context.Background(), "token", func(context.Context) (string, ttl.Lifetime, error) {
		return "hunter2", ttl.Lifetime{TTL: time.Minute}, nil
	})
	fmt.Println(token, err)
	// Output:
	// reading
	// no such secret
	// no such secret
	// hunter2 <nil>
}

// Start fits what controller-runtime calls a Runnable: manager.Add(m) is all that it takes.
func ExampleMap_Start() {
	ctx, cancel := context.WithCancel(context.Background())
	expired := make(chan string)
	m := ttl.New[string, int](
		ttl.WithInterval(time.Millisecond),
		ttl.WithOnEvict(func(key string, _ int, _ ttl.Reason) { expired <- key }),
	)
	stopped := make(chan error)
	go func() { stopped <- m.Start(ctx) }()
	_ = m.StoreFor("key", 1, ttl.Lifetime{TTL: time.Millisecond})
	fmt.Println(<-expired)
	cancel()
	fmt.Println(<-stopped)
	// Output:
	// key
	// <nil>
}

func ExampleSnapshot() {
	var m ttl.Map[string, int]
	_ = m.Store("a", 1)
	s := m.Snapshot()
	_ = m.Store("b", 2)
	fmt.Println(s.Len(), m.Len())
	// Output: 1 2
}

func ExampleLifetime() {
	var m ttl.Map[string, int]
	expiry := time.Now().Add(-time.Minute) // of a token, say: it has expired
	_ = m.StoreFor("token", 1, ttl.Lifetime{TTL: time.Until(expiry)})
	_, ok := m.Load("token")
	fmt.Println(ok)
	// Output: false
}

func ExampleOption() {
	m := ttl.New[string, int](ttl.WithMaxEntries(1, ttl.Evict), ttl.WithLifetime(ttl.Lifetime{TTL: time.Hour}))
	_ = m.Store("a", 1)
	_ = m.Store("b", 2)
	fmt.Println(m.Len())
	// Output: 1
}

func ExamplePolicy() {
	m := ttl.New[string, int](ttl.WithMaxEntries(1, ttl.Reject))
	fmt.Println(m.Store("a", 1))
	err := m.Store("b", 2)
	fmt.Println(err, errors.Is(err, ttl.ErrFull))
	// Output:
	// <nil>
	// ttl: Store: key b: the map is full true
}

func ExampleReason() {
	m := ttl.New[string, int](ttl.WithOnEvict(func(key string, value int, reason ttl.Reason) { fmt.Println(key, value, reason) }))
	_ = m.Store("a", 1)
	_ = m.Store("a", 2)
	m.Delete("a")
	_ = m.Store("a", 3)
	m.Clear()
	// Output:
	// a 1 replaced
	// a 2 deleted
	// a 3 cleared
}

func ExamplePanicError() {
	var m ttl.Map[string, int]
	defer func() {
		p := recover().(*ttl.PanicError)
		fmt.Println(p.Value, len(p.Stack) > 0)
	}()
	_, _ = m.LoadOrCompute(context.Background(), "key", func(context.Context) (int, ttl.Lifetime, error) { panic("no more") })
	// Output: no more true
}
