//go:build unix

package embedded

import (
	"os/exec"
	"syscall"
)

// detachSignals keeps the terminal's Ctrl-C from the child: the cluster must outlive the cleanup.
func detachSignals(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
