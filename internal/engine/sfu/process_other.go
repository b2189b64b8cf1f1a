// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !linux

package sfu

import "syscall"

// processAttributes: elsewhere the end of standard input alone tells the child that we are gone.
func processAttributes() *syscall.SysProcAttr { return nil }

// residentMemory is not known here: the Go runtime's own limit is the only one.
func residentMemory(int) int64 { return 0 }
