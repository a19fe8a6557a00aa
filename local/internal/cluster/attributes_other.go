//go:build !linux

package cluster

import "syscall"

// childAttributes puts a component into its own process group, so that Ctrl-C reaches only the supervisor.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
