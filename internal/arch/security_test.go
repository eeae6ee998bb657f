package arch_test

import (
	"fmt"
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
	for page, least := range map[string]int{"security.md": 50, "asvs.md": 200, "tenants.md": 50, "security-tests.md": 5} {
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

// required are the requirements of levels 1 and 2 of the OWASP ASVS 5.0: how many of each section are, from the first to the last.
// Those that are of level 3 alone stand behind the others in each section, so that a number of them says which.
func required() map[string]int {
	return map[string]int{
		"1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1, "3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5,
		"3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4, "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3, "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4,
		"6.5": 5, "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2, "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1,
		"9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3, "11.1": 2, "11.2": 3, "11.3": 3,
		"11.4": 4, "11.5": 1, "11.6": 1, "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5, "14.1": 2, "14.2": 4,
		"14.3": 3, "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3, "17.1": 1, "17.2": 4, "17.3": 2,
	}
}

// TestEveryRequirementHasALine: docs/asvs.md has each requirement once, with a test, a page, or the words that it is not applicable,
// not held, or held by no test.
func TestEveryRequirementHasALine(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "asvs.md"))
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([0-9.]+) \| [^|]+ \| ([^|]+) \|$`).FindAllStringSubmatch(string(text), -1) {
		if lines[m[1]] != "" {
			t.Errorf("%s stands there twice", m[1])
		}
		lines[m[1]] = m[2]
	}
	held := regexp.MustCompile("`(Test|Fuzz)[A-Z]|`e2e/|\\.md|openapi\\.json|`make sbom`|not applicable: .|not held: .|no test")
	for section, most := range required() {
		for n := 1; n <= most; n++ {
			id := fmt.Sprintf("%s.%d", section, n)
			if !held.MatchString(lines[id]) {
				t.Errorf("%s: %q says neither what holds it nor that nothing does", id, lines[id])
			}
			delete(lines, id)
		}
	}
	for id := range lines {
		t.Errorf("%s is no requirement", id)
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
