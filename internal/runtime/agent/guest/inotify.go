package guest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxWatches bounds how many directories are watched; changes deeper in a large tree go unnoticed until something else
// happens, or the next slow look.
const maxWatches = 256

const watched = unix.IN_CREATE | unix.IN_CLOSE_WRITE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_ATTRIB

// watcher tells of changes below directories.
type watcher struct {
	file    *os.File
	fd      int
	dirs    map[int]string
	changed func()
}

func newWatcher(roots []string, changed func()) (*watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	w := &watcher{file: os.NewFile(uintptr(fd), "inotify"), fd: fd, dirs: map[int]string{}, changed: changed}
	for _, root := range roots {
		w.add(root)
	}
	return w, nil
}

// add watches a directory and those below it.
func (w *watcher) add(root string) {
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil //nolint:nilerr // what cannot be read is not watched
		}
		if len(w.dirs) >= maxWatches {
			return fs.SkipAll
		}
		if id, err := unix.InotifyAddWatch(w.fd, path, watched|unix.IN_ONLYDIR); err == nil {
			w.dirs[id] = path
		}
		return nil
	})
}

// run tells of changes until the watcher is closed.
func (w *watcher) run() {
	buffer := make([]byte, 16<<10)
	for {
		n, err := w.file.Read(buffer)
		if errors.Is(err, os.ErrClosed) || n <= 0 {
			return
		}
		w.changed()
		w.read(buffer[:n])
	}
}

// read takes up directories that were made and forgets those that are gone.
func (w *watcher) read(b []byte) {
	for len(b) >= unix.SizeofInotifyEvent {
		event := (*unix.InotifyEvent)(unsafe.Pointer(&b[0])) //nolint:gosec // the kernel's own layout
		end := unix.SizeofInotifyEvent + int(event.Len)
		if end > len(b) {
			return
		}
		name := strings.TrimRight(string(b[unix.SizeofInotifyEvent:end]), "\x00")
		id := int(event.Wd)
		if event.Mask&unix.IN_IGNORED != 0 {
			delete(w.dirs, id)
		} else if event.Mask&unix.IN_ISDIR != 0 && event.Mask&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0 {
			w.add(filepath.Join(w.dirs[id], name))
		}
		b = b[end:]
	}
}

func (w *watcher) close() { _ = w.file.Close() }
