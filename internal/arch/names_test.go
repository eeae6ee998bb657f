package arch_test

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
)

// Folders are called what they hold. These names hold anything.
func TestFoldersAreNamedAfterThings(t *testing.T) {
	t.Parallel()
	vague := []string{"util", "utils", "common", "model", "models", "helper", "helpers", "misc", "shared", "base", "core"}
	walk(t, func(name string, entry fs.DirEntry) {
		if entry.IsDir() && slices.Contains(vague, path.Base(name)) {
			t.Errorf("%s: name the folder after what it holds", name)
		}
	})
}

func TestPackagesSayWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	files, _ := sources(t)
	said := map[string]bool{}
	for _, s := range files {
		if s.test {
			continue
		}
		said[s.dir()] = said[s.dir()] || s.syntax.Doc != nil
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("%s: no file has a package comment", dir)
		}
	}
}

func TestPackageCommentsStandOnce(t *testing.T) {
	t.Parallel()
	files, _ := sources(t)
	first := map[string]string{}
	for _, s := range files {
		if s.test || s.syntax.Doc == nil {
			continue
		}
		if other, twice := first[s.dir()]; twice {
			t.Errorf("%s and %s both have a package comment: keep one", other, s.path)
		}
		first[s.dir()] = s.path
		word := "Package " + s.syntax.Name.Name + " "
		if s.syntax.Name.Name == "main" {
			word = "Command "
		}
		if !strings.HasPrefix(s.syntax.Doc.Text(), word) {
			t.Errorf("%s: the package comment begins with %q", s.path, word)
		}
	}
}

// Tests see a package as its users do: from outside.
func TestTestsStandOutside(t *testing.T) {
	t.Parallel()
	files, _ := sources(t)
	for _, s := range files {
		if s.test && !strings.HasSuffix(s.syntax.Name.Name, "_test") {
			t.Errorf("%s: package %s, want %[2]s_test", s.path, s.syntax.Name.Name)
		}
	}
}
