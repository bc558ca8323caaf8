// Command record is a program with a map, a store of sessions, that can have what it does to the map recorded:
//
//	go run -C bench ./examples/record -trace /tmp/sessions.trace
//	go run -C bench ./cmd/mapbench trace info /tmp/sessions.trace
//	go run -C bench ./cmd/mapbench run -trace /tmp/sessions.trace
//
// All that recording takes is in the function open.
package main

import (
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"sync"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/bench/record"
)

// A session is what the program keeps of each of its users.
type session struct{ Visits int }

// sessions is what the program needs of its map.
type sessions = shardmap.ConcurrentMap[string, session]

// open returns the program's map, for any number of goroutines, and functions that return it for one of them and that
// end the recording, if there is one.
func open(file string) (forGoroutine func() (m sessions, release func()), end func() error, err error) {
	m := shardmap.New[string, session]()
	if file == "" {
		return func() (sessions, func()) { return m, func() {} }, func() error { return nil }, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, nil, err
	}
	rec := record.New(f, record.Options{})
	recorded := record.Map[string, session](rec, m)
	forGoroutine = func() (sessions, func()) {
		mine := recorded.Goroutine()
		return mine, mine.Release
	}
	end = func() error {
		if err := rec.Close(); err != nil {
			return err
		}
		return f.Close()
	}
	return forGoroutine, end, nil
}

func main() {
	file := flag.String("trace", "", "write what is done to the map to this file")
	flag.Parse()
	forGoroutine, end, err := open(*file)
	if err != nil {
		log.Fatal(err)
	}
	var users sync.WaitGroup
	for range 8 {
		m, release := forGoroutine()
		users.Go(func() {
			defer release()
			serve(m)
		})
	}
	users.Wait()
	if err := end(); err != nil {
		log.Fatal(err)
	}
	m, _ := forGoroutine()
	fmt.Println(m.Len(), "sessions")
}

// serve is what the program is about: users come, visit, and leave, some of them more often than others.
func serve(m sessions) {
	popular := rand.NewZipf(rand.New(rand.NewPCG(rand.Uint64(), 0)), 1.1, 10, 9_999)
	for range 20_000 {
		user := fmt.Sprintf("user-%05d", popular.Uint64())
		switch rand.IntN(20) {
		case 0:
			m.Delete(user)
		case 1, 2, 3:
			m.Compute(user, func(s session, _ bool) (session, shardmap.Op) {
				s.Visits++
				return s, shardmap.Set
			})
		default:
			if _, ok := m.Load(user); !ok {
				m.LoadOrStore(user, session{Visits: 1})
			}
		}
	}
}
