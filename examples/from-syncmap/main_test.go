package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBeforeAndAfterDoTheSame(t *testing.T) {
	const want = `observe web-0 Pending: changed true
observe web-1 Running: changed true
observe web-0 Running: changed true
observe web-1 Running: changed false
observe job-7 Pending: changed true
node of web-1: "node-b", known true
node of job-7: "", known true
node of web-9: "", known false
running: 2 of 3
forget web-0: was "Running", known true
forget web-0: was "", known false
left: 2
`
	require.Equal(t, want, report(new(podsBefore)))
	require.Equal(t, want, report(new(podsAfter)))
}
