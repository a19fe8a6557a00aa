//go:build unix

package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// ErrRunning means that a supervisor holds the cluster's lock.
var ErrRunning = errors.New("the cluster is already running")

// Lock is held by the supervisor of a cluster as long as it lives; the kernel releases it however the process ends. It is of two: nobody but those who would be the
// supervisor touches the claim, so that it tells at once whether there is one. Whoever asks Running holds the sign for an instant, which is waited for.
type Lock struct {
	claim, sign *os.File
}

// Acquire takes the lock of the cluster, or says ErrRunning.
func (f Folder) Acquire() (*Lock, error) {
	if err := os.MkdirAll(filepath.Dir(f.signPath()), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the clusters: %w", err)
	}
	claim, err := f.claim()
	if err != nil {
		return nil, err
	}
	sign, err := locked(f.signPath(), 0)
	if err != nil {
		_ = claim.Close()
		return nil, err
	}
	return &Lock{claim: claim, sign: sign}, nil
}

// claim takes the claim. The one who held it may have removed the file after it was opened here; then what was got guards nothing, and the next one is at its place.
func (f Folder) claim() (*os.File, error) {
	for {
		file, err := locked(f.claimPath(), syscall.LOCK_NB)
		if err != nil {
			return nil, err
		}
		mine, err := file.Stat()
		if err != nil {
			_ = file.Close()
			return nil, fmt.Errorf("look at the lock of the cluster: %w", err)
		}
		if current, err := os.Stat(f.claimPath()); err == nil && os.SameFile(mine, current) {
			return file, nil
		}
		_ = file.Close()
	}
}

// locked opens a file and locks it, waiting for that unless how says otherwise.
func locked(path string, how int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the cluster: %w", err)
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err == nil {
		return file, nil
	}
	_ = file.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, ErrRunning
	}
	return nil, fmt.Errorf("lock the cluster: %w", err)
}

// Running says whether a supervisor holds the lock of the cluster.
func (f Folder) Running() bool {
	file, err := os.Open(f.signPath())
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	return errors.Is(syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

// Release removes the lock and gives it back, the claim last.
func (l *Lock) Release() {
	if l == nil {
		return
	}
	for _, file := range []*os.File{l.sign, l.claim} {
		_ = os.Remove(file.Name())
		_ = file.Close()
	}
}

// signPath and claimPath are beside the folder and not in it, so that the folder can be made new and removed while the lock is held.
func (f Folder) signPath() string { return filepath.Join(filepath.Dir(f.Path), "."+f.Name+".lock") }

func (f Folder) claimPath() string { return filepath.Join(filepath.Dir(f.Path), "."+f.Name+".claim") }
