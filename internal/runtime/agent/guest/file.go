package guest

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/cloudkida/cloudkida/internal/runtime/agent"
)

// maxFile bounds one placed file; the server sends less.
const maxFile = 64 << 20

// place writes a file with its parent directories. It is done before anything of the learner's runs.
func (a *Agent) place(s net.Conn, f agent.File) error {
	if f.Size < 0 || f.Size > maxFile || !filepath.IsAbs(f.Path) {
		return errors.New("a file of this size or name is not taken")
	}
	data := make([]byte, f.Size)
	if _, err := io.ReadFull(s, data); err != nil {
		return err
	}
	u, name := a.user(f.User), a.path(filepath.Clean(f.Path))
	if err := makeParents(filepath.Dir(name), u); err != nil {
		return err
	}
	mode := fs.FileMode(f.Mode & 0o7777)
	if err := os.WriteFile(name, data, mode); err != nil {
		return err
	}
	return errors.Join(os.Chmod(name, mode), give(name, u))
}

// makeParents makes the directories that are missing and gives those to the user.
func makeParents(dir string, u User) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := makeParents(filepath.Dir(dir), u); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) { //nolint:gosec // a lab's directories are for all
		return err
	}
	return give(dir, u)
}

func give(name string, u User) error {
	if u.UID < 0 {
		return nil
	}
	return os.Lchown(name, u.UID, u.UID)
}

// LearnerUID is the learner's user and group id in every environment.
const LearnerUID = 1000

// PrepareHome makes the learner's home directory, which no image needs to have.
func PrepareHome(dir string, uid int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // homes can be looked into, as on most systems
		return err
	}
	return os.Chown(dir, uid, uid)
}
