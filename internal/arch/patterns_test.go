package arch_test

import (
	"go/ast"
	"go/build/constraint"
	"maps"
	"slices"
	"strings"
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

// What slows down guessing counts among all processes: the program makes every throttle in one place, which knows their memory.
func TestThrottlesAreShared(t *testing.T) {
	t.Parallel()
	files, fset := sources(t)
	made := 0
	for _, s := range files {
		if s.test || !within(s.dir(), "internal/server") {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			switch of, ok := sel.X.(*ast.Ident); {
			case !ok || of.Name != "throttle":
			case sel.Sel.Name == "New":
				t.Errorf("%s: a throttle of this process alone: use program.throttle", fset.Position(n.Pos()))
			case sel.Sel.Name == "In":
				made++
			}
			return true
		})
	}
	if made != 1 {
		t.Errorf("throttles are made in %d places, want one: does this test look for the right names?", made)
	}
}

// Planted faults are in no program: what is built with their tag is package fault and tests. And each of them is planted.
func TestPlantedFaultsStayInTests(t *testing.T) {
	t.Parallel()
	const home = "internal/platform/fault"
	files, fset := sources(t)
	declared, planted := map[string]bool{}, map[string]bool{}
	for _, s := range files {
		if s.test {
			continue
		}
		for _, group := range s.syntax.Comments {
			for _, c := range group.List {
				if constraint.IsGoBuild(c.Text) && strings.Contains(c.Text, "plantedfaults") && s.dir() != home {
					t.Errorf("%s: only %s is another in the build with planted faults", fset.Position(c.Pos()), home)
				}
			}
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				if s.path == home+"/fault.go" {
					declared[n.Names[0].Name] = true
				}
			case *ast.SelectorExpr:
				if of, ok := n.X.(*ast.Ident); ok && of.Name == "fault" && n.Sel.Name != "On" && n.Sel.Name != "Else" {
					planted[n.Sel.Name] = true
				}
			}
			return true
		})
	}
	if len(declared) < 20 || !maps.Equal(declared, planted) {
		t.Errorf("declared %d: %v, planted %d: %v", len(declared), declared, len(planted), planted)
	}
}
