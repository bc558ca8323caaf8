// Package quiet keeps the etcd client of the API server from writing its warnings into the middle of the progress.
//
// That client takes os.Stderr for its log while its package is initialised, and has no other setting. Packages are
// initialised in the order of their paths as far as their imports allow; so this one, which imports next to nothing, comes
// first, and package main last.
package quiet

import "os"

var stderr = os.Stderr

func init() {
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = null
	}
}

// End gives the program its os.Stderr back.
func End() { os.Stderr = stderr }
