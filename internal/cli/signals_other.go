//go:build !unix

package cli

import "os/exec"

func detachSignals(*exec.Cmd) {}
