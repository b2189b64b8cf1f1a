// SPDX-License-Identifier: AGPL-3.0-or-later

package sfu

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// processAttributes ties the child to our life, and takes it out of the terminal's
// process group: Ctrl-C is for us, we end the child in order.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// residentMemory returns the bytes of RAM a process holds (proc(5), statm, second field in
// pages), or 0 if it is gone.
func residentMemory(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize())
}
