package arch_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// TestSecurityNamesTestsThatExist: the documentation promises nothing that no test holds any more.
func TestSecurityNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	files, _ := sources(t)
	have := map[string]bool{}
	for _, s := range files {
		for _, d := range s.syntax.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.test && f.Recv == nil {
				have[f.Name.Name] = true
			}
		}
	}
	for page, least := range map[string]int{"security.md": 50, "tenants.md": 50, "security-tests.md": 5} {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
		if err != nil {
			t.Fatal(err)
		}
		named := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`").FindAllStringSubmatch(string(text), -1)
		if len(named) < least {
			t.Errorf("docs/%s: only %d tests are named", page, len(named))
		}
		for _, m := range named {
			if !have[m[1]] {
				t.Errorf("docs/%s: there is no test %s", page, m[1])
			}
		}
		for _, m := range regexp.MustCompile("`(e2e/[a-z/.-]+)`").FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join("..", "..", m[1])); err != nil { //nolint:gosec // named by our own documentation
				t.Errorf("docs/%s: %v", page, err)
			}
		}
	}
}

// TestTenantsAddressesAreCalledByTheGuard: nothing below app and control makes connections of its own. What a tenant has
// entered can only be called through package outbound, which is held to public addresses.
func TestTenantsAddressesAreCalledByTheGuard(t *testing.T) {
	t.Parallel()
	ways := map[string][]string{
		"http": {"Client", "DefaultClient", "DefaultTransport", "Transport", "Get", "Post", "PostForm", "Head"},
		"net":  {"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialIP", "DialUnix", "Dialer"},
		"tls":  {"Dial", "DialWithDialer", "Dialer"},
	}
	files, fset := sources(t)
	looked := 0
	for _, s := range files {
		if s.test || !within(s.dir(), "internal/app", "internal/control") {
			continue
		}
		if s.path == "internal/app/webport/proxy.go" {
			continue // its transport reaches nothing but a port of a sandbox, through the sandbox's own connection
		}
		looked++
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			// A *http.Client in a field or a parameter is somebody else's, who got it from the guard.
			if star, ok := n.(*ast.StarExpr); ok {
				if sel, ok := star.X.(*ast.SelectorExpr); ok && sel.Sel.Name == "Client" {
					return false
				}
			}
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			of, ok := sel.X.(*ast.Ident)
			if ok && slices.Contains(ways[of.Name], sel.Sel.Name) {
				t.Errorf("%s: %s.%s: call addresses by package outbound", fset.Position(n.Pos()), of.Name, sel.Sel.Name)
			}
			return true
		})
	}
	if looked < 50 {
		t.Errorf("only %d files were looked at", looked)
	}
}
