package arch_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/cloudkida/cloudkida"

// source is one Go file of the tree.
type source struct {
	path    string // from the root, such as internal/app/lab/lab.go
	test    bool
	lines   int
	syntax  *ast.File
	imports []string // folders of this module, such as internal/app/lab
}

// dir is the file's folder, which is also what others import.
func (s *source) dir() string { return path.Dir(s.path) }

// skipped are folders that are not ours to judge, or hold what learners see and break on purpose.
func skipped(dir string) bool {
	switch path.Base(dir) {
	case ".git", "node_modules", "dist", "testdata", "test-results", "playwright-report":
		return true
	}
	return dir == "bin" || strings.HasPrefix(dir, "labs/") || strings.HasPrefix(dir, "tools/")
}

// walk calls visit for every folder and file that is ours, by its path from the root.
func walk(t *testing.T, visit func(name string, entry fs.DirEntry)) {
	t.Helper()
	root := os.DirFS(root(t))
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && skipped(name) {
			return fs.SkipDir
		}
		visit(name, entry)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatalf("the tree's root is not %s: %v", dir, err)
	}
	return dir
}

// parsed is the tree, read once for all tests.
type parsed struct {
	once    sync.Once
	fset    *token.FileSet
	sources []*source
}

var tree parsed //nolint:gochecknoglobals // read once for all tests of this package

// sources returns every Go file that a person wrote.
func sources(t *testing.T) ([]*source, *token.FileSet) {
	t.Helper()
	tree.once.Do(func() {
		tree.fset = token.NewFileSet()
		walk(t, func(name string, entry fs.DirEntry) {
			if !entry.IsDir() && strings.HasSuffix(name, ".go") {
				if s := parse(t, tree.fset, name); s != nil {
					tree.sources = append(tree.sources, s)
				}
			}
		})
	})
	if len(tree.sources) < 50 {
		t.Fatalf("only %d Go files were found: the walk is broken", len(tree.sources))
	}
	return tree.sources, tree.fset
}

// parse reads one file; generated ones are nil.
func parse(t *testing.T, fset *token.FileSet, name string) *source {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), name))
	if err != nil {
		t.Fatal(err)
	}
	syntax, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	if ast.IsGenerated(syntax) {
		return nil
	}
	s := &source{path: name, test: strings.HasSuffix(name, "_test.go"), lines: bytes.Count(text, []byte("\n")), syntax: syntax}
	for _, spec := range syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if dir, ours := strings.CutPrefix(imported, module+"/"); ours {
			s.imports = append(s.imports, dir)
		}
	}
	return s
}

// within tells whether dir is one of parents or below it.
func within(dir string, parents ...string) bool {
	return slices.ContainsFunc(parents, func(p string) bool { return dir == p || strings.HasPrefix(dir, p+"/") })
}
