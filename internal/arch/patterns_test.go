package arch_test

import (
	"go/ast"
	"slices"
	"testing"
)

// Every pattern is added through httpx.Mux, which takes none without saying who may reach it: a mux of net/http, or its
// global one, would be a way past the declarations and the attack suite.
func TestPatternsAreDeclared(t *testing.T) {
	t.Parallel()
	files, fset := sources(t)
	hidden := []string{"NewServeMux", "ServeMux", "DefaultServeMux", "Handle", "HandleFunc"}
	own := 0
	for _, s := range files {
		if s.test || !within(s.dir(), "internal", "cmd") {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			of, ok := sel.X.(*ast.Ident)
			if !ok || of.Name != "http" || !slices.Contains(hidden, sel.Sel.Name) {
				return true
			}
			if within(s.dir(), "internal/platform/httpx") {
				own++
			} else {
				t.Errorf("%s: http.%s: add patterns to a httpx.Mux, with who may reach them", fset.Position(n.Pos()), sel.Sel.Name)
			}
			return true
		})
	}
	if own == 0 {
		t.Error("the mux itself was not found: this test looks for the wrong names")
	}
}
