// Package ruletest has the tests of the alerts and the dashboard, with the parser of Prometheus itself. It is a module of
// its own so that nobody who uses the collector requires all of Prometheus.
package ruletest
