package main

import (
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"

	"github.com/shardmap-go/shardmap"
)

// A cloud has the disks. To delete one that is not there is no error, but it is counted.
type cloud struct {
	disks  shardmap.Map[string, types.UID] // the objects that they were made for, by disk
	misses atomic.Int64
}

func (c *cloud) has(disk string) bool {
	_, ok := c.disks.Load(disk)
	return ok
}

func (c *cloud) ensure(disk string, owner types.UID) { c.disks.LoadOrStore(disk, owner) }

func (c *cloud) delete(disk string) {
	if _, ok := c.disks.LoadAndDelete(disk); !ok {
		c.misses.Add(1)
	}
}
