package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func newFolder(t *testing.T) Folder {
	t.Helper()
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	folder, err := Named("a")
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestNames(t *testing.T) {
	cases := map[string]bool{
		"default": true, "a": true, "team-7": true, "0": true,
		"": false, "-a": false, "a-": false, "A": false, "../x": false, "a/b": false, "a.b": false, strings.Repeat("a", 41): false,
	}
	for name, valid := range cases {
		if _, err := Named(name); (err == nil) != valid {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestOneLockAtATime(t *testing.T) {
	folder := newFolder(t)
	if folder.Running() {
		t.Error("running before anybody has taken the lock")
	}
	lock, err := folder.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	if !folder.Running() {
		t.Error("not running although the lock is held")
	}
	if _, err := folder.Acquire(); !errors.Is(err, ErrRunning) {
		t.Errorf("the second lock: %v", err)
	}
	lock.Release()
	if folder.Running() {
		t.Error("running although the lock is released")
	}
	again, err := folder.Acquire()
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	again.Release()
	if left, err := os.ReadDir(filepath.Dir(folder.Path)); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestAskingTakesNothing: whoever asks again and again whether a cluster runs keeps nobody from starting one, and of several who would start it one does.
func TestAskingTakesNothing(t *testing.T) {
	folder := newFolder(t)
	over := make(chan struct{})
	var others sync.WaitGroup
	for range 4 {
		others.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
					folder.Running()
				}
			}
		})
	}
	for range 500 {
		lock, err := folder.Acquire()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := folder.Acquire(); !errors.Is(err, ErrRunning) {
			t.Fatalf("the second lock: %v", err)
		}
		lock.Release()
	}
	close(over)
	others.Wait()
	var held atomic.Int32
	for range 8 {
		others.Go(func() {
			for range 200 {
				lock, err := folder.Acquire()
				if err != nil {
					continue
				}
				if n := held.Add(1); n > 1 {
					t.Errorf("%d hold the lock", n)
				}
				held.Add(-1)
				lock.Release()
			}
		})
	}
	others.Wait()
}

func TestPrepareRemovesWhatWasThere(t *testing.T) {
	folder := newFolder(t)
	for range 2 {
		if err := folder.Prepare(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(folder.File("etcd", "old")); err == nil {
			t.Error("what was there before is still there")
		}
		if err := folder.Write([]byte("x"), "etcd", "old"); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(folder.Path)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("mode of the folder: %v, %v", info, err)
		}
	}
	list, err := List()
	if err != nil || len(list) != 1 || list[0] != folder {
		t.Errorf("list: %v, %v", list, err)
	}
	if err := folder.Remove(); err != nil || folder.Exists() {
		t.Errorf("remove: %v", err)
	}
}

func TestRecord(t *testing.T) {
	folder := newFolder(t)
	if _, err := folder.Load(); !errors.Is(err, ErrNone) {
		t.Errorf("without a cluster: %v", err)
	}
	if err := folder.Prepare(); err != nil {
		t.Fatal(err)
	}
	if err := folder.Save(Record{Name: "a", Supervisor: 7, Processes: map[string]int{"etcd": 8}}); err != nil {
		t.Fatal(err)
	}
	if r, err := folder.Load(); err != nil || r.Supervisor != 7 || r.Processes["etcd"] != 8 {
		t.Errorf("record: %+v, %v", r, err)
	}
}

func TestTailIsShort(t *testing.T) {
	folder := newFolder(t)
	if err := folder.Prepare(); err != nil {
		t.Fatal(err)
	}
	log := "one\ntwo\n" + strings.Repeat("ü", 1000) + "\nlast\n"
	if err := os.WriteFile(folder.Log("etcd"), []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	want := strings.Repeat("ü", 300) + "…\nlast"
	if got := folder.Tail("etcd", 2); got != want {
		t.Errorf("tail: %q", got)
	}
	if got := folder.Tail("nothing", 2); got != "" {
		t.Errorf("tail of no log: %q", got)
	}
}
