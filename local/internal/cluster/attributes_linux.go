package cluster

import "syscall"

// childAttributes puts a component into its own process group, so that Ctrl-C reaches only the supervisor, and lets the kernel kill it with its parent.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
