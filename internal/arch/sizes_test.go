package arch_test

import (
	"bytes"
	"go/ast"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The most lines of each, comments and blank ones included.
const (
	maxFunction    = 80
	maxFunctionP90 = 45 // nine of ten functions
	maxMain        = 40
	maxFile        = 500
	maxTestFile    = 1000
	maxWiringFile  = 400 // a file of internal/server
	maxPackage     = 3000
)

func TestFunctionsAreShort(t *testing.T) {
	t.Parallel()
	files, fset := sources(t)
	var sizes []int
	for _, s := range files {
		for _, decl := range s.syntax.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1
			most := maxFunction
			if fn.Name.Name == "main" && s.syntax.Name.Name == "main" {
				most = maxMain
			}
			if lines > most {
				t.Errorf("%s: %s has %d lines, at most %d: split it by what it does", fset.Position(fn.Pos()), fn.Name.Name, lines, most)
			}
			if !s.test {
				sizes = append(sizes, lines)
			}
		}
	}
	slices.Sort(sizes)
	if p90 := sizes[len(sizes)*9/10]; p90 > maxFunctionP90 {
		t.Errorf("nine of ten functions have up to %d lines, at most %d", p90, maxFunctionP90)
	}
}

func TestFilesAndPackagesAreSmall(t *testing.T) {
	t.Parallel()
	files, _ := sources(t)
	packages := map[string]int{}
	for _, s := range files {
		most := maxFile
		switch {
		case s.test:
			most = maxTestFile
		case within(s.dir(), "internal/server"):
			most = maxWiringFile
		}
		if s.lines > most {
			t.Errorf("%s has %d lines, at most %d: split it by noun", s.path, s.lines, most)
		}
		if !s.test {
			packages[s.dir()] += s.lines
		}
	}
	for dir, lines := range packages {
		if lines > maxPackage {
			t.Errorf("%s has %d lines, at most %d: it is more than one thing", dir, lines, maxPackage)
		}
	}
}

func TestConsoleFilesAreSmall(t *testing.T) {
	t.Parallel()
	walk(t, func(name string, entry fs.DirEntry) {
		if entry.IsDir() || !within(name, "web/src", "e2e") || strings.Contains(name, ".gen.") {
			return
		}
		if ext := filepath.Ext(name); ext != ".ts" && ext != ".tsx" && ext != ".css" {
			return
		}
		text, err := os.ReadFile(filepath.Join(root(t), name))
		if err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(text, []byte("\n")); lines > maxFile {
			t.Errorf("%s has %d lines, at most %d", name, lines, maxFile)
		}
	})
}
