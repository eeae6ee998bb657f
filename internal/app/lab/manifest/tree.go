package manifest

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Name of the file that describes a lab.
const Name = "lab.yaml"

// Bounds of a lab.
const (
	MaxBytes = 16 << 20 // of all files together
	MaxFiles = 2000
	maxDirs  = 2000
	maxPath  = 255
)

// Tree is the files of a lab by their path within it, bounded in number and size.
type Tree map[string]Entry

// Entry is one file. Of its mode only "may be run" is kept: modes of a checkout depend on its owner's umask.
type Entry struct {
	Executable bool
	Data       []byte
}

// Mode is the file's permission bits.
func (e Entry) Mode() uint32 {
	if e.Executable {
		return 0o755
	}
	return 0o644
}

// Paths lists the files, sorted.
func (t Tree) Paths() []string { return slices.Sorted(maps.Keys(t)) }

// Hash identifies the content: equal trees have equal hashes, however they were packed.
func (t Tree) Hash() [sha256.Size]byte {
	h := sha256.New()
	for _, name := range t.Paths() {
		e := t[name]
		head := binary.BigEndian.AppendUint32(nil, uint32(len(name))) //nolint:gosec // at most maxPath
		head = append(head, name...)
		head = binary.BigEndian.AppendUint32(head, e.Mode())
		head = binary.BigEndian.AppendUint64(head, uint64(len(e.Data)))
		h.Write(head)
		h.Write(e.Data)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// ignored names are what tools leave in a directory; they never belong to a lab.
func ignored(name string) bool {
	return name == ".git" || name == ".DS_Store"
}

// ReadTree reads the files of a directory. Symbolic links and special files are problems: an environment gets plain files
// only, and a link could lead out of the lab.
func ReadTree(fsys fs.FS) (Tree, Problems) {
	r := treeReader{fsys: fsys, tree: Tree{}, left: MaxBytes}
	if err := fs.WalkDir(fsys, ".", r.visit); err != nil && !errors.Is(err, fs.SkipAll) {
		r.problems.add("", 0, 0, "the directory cannot be read: %v", err)
	}
	return r.tree, r.problems.sorted()
}

type treeReader struct {
	fsys     fs.FS
	tree     Tree
	dirs     int
	left     int64
	problems Problems
}

func (r *treeReader) visit(name string, d fs.DirEntry, err error) error {
	switch {
	case err != nil && name == ".":
		return err
	case err != nil:
		r.problems.add(name, 0, 0, "cannot be read: %v", err)
		return nil
	case ignored(d.Name()) && d.IsDir():
		return fs.SkipDir
	case ignored(d.Name()):
		return nil
	case d.IsDir():
		if r.dirs++; r.dirs > maxDirs {
			r.problems.add("", 0, 0, "the lab has more than %d directories", maxDirs)
			return fs.SkipAll
		}
		return nil
	case d.Type()&fs.ModeSymlink != 0:
		r.problems.add(name, 0, 0, "is a symbolic link: put a copy in its place, or make the link in a setup script")
		return nil
	case !d.Type().IsRegular():
		r.problems.add(name, 0, 0, "is not a plain file")
		return nil
	}
	if message := badPath(name); message != "" {
		r.problems.add("", 0, 0, "the file name %q %s", name, message)
		return nil
	}
	if len(r.tree) == MaxFiles {
		r.problems.add("", 0, 0, "the lab has more than %d files", MaxFiles)
		return fs.SkipAll
	}
	return r.read(name, d)
}

func (r *treeReader) read(name string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		r.problems.add(name, 0, 0, "cannot be read: %v", err)
		return nil
	}
	data, err := readBounded(r.fsys, name, r.left)
	if err != nil {
		r.problems.add(name, 0, 0, "cannot be read: %v", err)
		return nil
	}
	if int64(len(data)) > r.left {
		r.problems.add(name, 0, 0, "the lab is larger than %d MiB with this file", MaxBytes>>20)
		return fs.SkipAll
	}
	r.left -= int64(len(data))
	r.tree[name] = Entry{Executable: info.Mode()&0o111 != 0, Data: data}
	return nil
}

// readBounded reads at most limit+1 bytes: one more than allowed tells that there are too many.
func readBounded(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	return io.ReadAll(io.LimitReader(f, limit+1))
}

// badPath says what is wrong with a file's path within a lab, or "".
func badPath(name string) string {
	switch {
	case !fs.ValidPath(name) || name == ".":
		return "leads out of the lab"
	case len(name) > maxPath:
		return "is too long"
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) || strings.ContainsRune(name, '\\'):
		return "has characters that not every system takes"
	case path.Clean(name) != name:
		return "is not in its shortest form"
	}
	return ""
}
