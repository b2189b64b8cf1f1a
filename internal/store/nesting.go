// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"bytes"
	"runtime"
	"sync"
)

// nesting knows which goroutines are inside a transaction. It exists in tests only (Config.Strict).
type nesting struct{ inside sync.Map }

// enter notes the transaction and returns what notes its end. It panics on a transaction inside
// another; a nil receiver checks nothing.
func (n *nesting) enter() func() {
	if n == nil {
		return func() {}
	}
	me := goroutine()
	if _, twice := n.inside.LoadOrStore(me, nil); twice {
		panic("store: a transaction inside a transaction; pass the tx down instead")
	}
	return func() { n.inside.Delete(me) }
}

// goroutine returns the number of the running goroutine, which only its stack trace tells.
func goroutine() string {
	var buf [64]byte
	line := buf[:runtime.Stack(buf[:], false)]
	number, _, _ := bytes.Cut(bytes.TrimPrefix(line, []byte("goroutine ")), []byte(" "))
	return string(number)
}
