//go:build !unix

package embedded

import "os/exec"

func detachSignals(*exec.Cmd) {}
