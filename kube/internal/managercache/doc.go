// Package managercache tests the store of package store in the cache of a controller-runtime manager. It is a module of its
// own so that nothing else requires controller-runtime.
package managercache
