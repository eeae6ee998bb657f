package labs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/cloudkida/cloudkida/labs"
)

// TestEveryLabIsEmbedded compares the directories with what the program carries, file by file.
func TestEveryLabIsEmbedded(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob("*/lab.yaml")
	if err != nil || len(found) == 0 {
		t.Fatalf("no labs here: %v", err)
	}
	for _, name := range found {
		err := fs.WalkDir(os.DirFS("."), filepath.Dir(name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			if _, err := fs.Stat(labs.FS, filepath.ToSlash(path)); err != nil {
				t.Errorf("%s is not in labs.FS: name its directory in labs.go", path)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}
