// Command mapbench compares concurrent maps under workloads. Run it without arguments to see what it does, and see the
// README of this module for the rest.
package main

import "github.com/shardmap-go/shardmap/bench/cli"

func main() { cli.Main() }
