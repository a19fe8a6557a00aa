//go:build unix

package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrRunning means that a supervisor holds the cluster's lock.
var ErrRunning = errors.New("the cluster is already running")

// Lock is held by the supervisor of a cluster as long as it lives; the kernel releases it however the process ends.
type Lock struct {
	file *os.File
}

// Acquire takes the lock of the cluster, or says ErrRunning. It tries for a moment, because whoever asks Running holds the lock for an instant.
func (f Folder) Acquire() (*Lock, error) {
	if err := os.MkdirAll(filepath.Dir(f.lockPath()), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the clusters: %w", err)
	}
	var err error
	for range 20 {
		var lock *Lock
		if lock, err = f.acquire(); !errors.Is(err, ErrRunning) {
			return lock, err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, err
}

func (f Folder) acquire() (*Lock, error) {
	file, err := os.OpenFile(f.lockPath(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the cluster: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrRunning
		}
		return nil, fmt.Errorf("lock the cluster: %w", err)
	}
	// The one who held it may have removed the file after we opened it; then the lock that we got guards nothing.
	mine, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("look at the lock of the cluster: %w", err)
	}
	if current, err := os.Stat(f.lockPath()); err != nil || !os.SameFile(mine, current) {
		_ = file.Close()
		return nil, ErrRunning
	}
	return &Lock{file: file}, nil
}

// Running says whether a supervisor holds the lock of the cluster.
func (f Folder) Running() bool {
	file, err := os.Open(f.lockPath())
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	return errors.Is(syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

// Release removes the lock and gives it back.
func (l *Lock) Release() {
	if l != nil {
		_ = os.Remove(l.file.Name())
		_ = l.file.Close()
	}
}

// lockPath is beside the folder and not in it, so that the folder can be made new and removed while the lock is held.
func (f Folder) lockPath() string {
	return filepath.Join(filepath.Dir(f.Path), "."+f.Name+".lock")
}
