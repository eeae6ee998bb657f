package arch_test

import (
	"go/ast"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// known are the places of what is dangerous in other hands: who looks for more of it reads these files, and a new one is
// a decision that somebody takes here.
func known() map[string][]string {
	return map[string][]string{
		"C":                          nil,
		"crypto/des":                 nil,
		"crypto/dsa":                 nil,
		"crypto/md5":                 nil,
		"crypto/rc4":                 nil,
		"crypto/rsa":                 nil,
		"crypto/sha1":                nil,
		"encoding/gob":               nil,
		"plugin":                     nil,
		"archive/zip":                nil,
		"net/rpc":                    nil,
		"crypto/cipher":              {"internal/platform/secret"},                             // the one seal of secrets
		"crypto/tls":                 {"internal/platform/mail", "internal/platform/outbound"}, // as a client; see TestTLSIsNotWeakened
		"encoding/xml":               {"internal/app/lab/proof"},                               // writes a report, reads nothing
		"golang.org/x/crypto/argon2": {"internal/app/identity/password"},                       // passwords alone
		"math/rand":                  nil,                                                      // predictable
		"math/rand/v2":               {"internal/platform/notify"},                             // spreads waits
		"net/http/pprof":             {"internal/platform/obs"},                                // on the ops listener
		"os/exec":                    {"internal/platform/postgres", "internal/runtime/agent/guest", "internal/runtime/gvisor"},
		"text/template":              {"internal/platform/letter"},     // the plain part of letters
		"unsafe":                     {"internal/runtime/agent/guest"}, // the kernel's records of inotify
		"html/template":              {"internal/app/identity", "internal/app/webport", "internal/platform/letter"},
	}
}

// TestDangerousPackagesAreWhereTheyAreKnown: broken ciphers, shells, templates that do not escape, XML, memory without types and
// debugging pages are nowhere but in the places that are known for them.
func TestDangerousPackagesAreWhereTheyAreKnown(t *testing.T) {
	t.Parallel()
	files, fset := sources(t)
	used := map[string]bool{}
	for _, s := range files {
		if s.test || support(s.dir()) || !within(s.dir(), "internal", "cmd", "client") {
			continue
		}
		for _, i := range s.syntax.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			places, dangerous := known()[name]
			if !dangerous {
				continue
			}
			for _, p := range places {
				used[name+" "+p] = used[name+" "+p] || within(s.dir(), p)
			}
			if !within(s.dir(), places...) {
				t.Errorf("%s: %s is not for this package", fset.Position(i.Pos()), name)
			}
		}
	}
	for name, places := range known() {
		for _, p := range places {
			if !used[name+" "+p] {
				t.Errorf("%s is not in %s any more: take it from the list", name, p)
			}
		}
	}
}

// called looks for uses of names of packages: pkg.Name.
func called(n ast.Node, pkg string, names ...string) bool {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	of, ok := sel.X.(*ast.Ident)
	return ok && of.Name == pkg && slices.Contains(names, sel.Sel.Name)
}

// TestNoShellIsRun: programs are run with their arguments as a list. Nothing of ours gives a text to a shell to read, but the agent,
// which runs what learners type, within their sandbox.
func TestNoShellIsRun(t *testing.T) {
	t.Parallel()
	files, fset := sources(t)
	runs := 0
	for _, s := range files {
		if s.test || !within(s.dir(), "internal", "cmd") || within(s.dir(), "internal/runtime/agent") {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !called(call.Fun, "exec", "Command", "CommandContext") {
				return true
			}
			runs++
			for _, a := range call.Args {
				if text, ok := a.(*ast.BasicLit); ok && slices.Contains([]string{"sh", "bash", "-c", "-lc", "/bin/sh", "/bin/bash", "env"}, strings.Trim(text.Value, "\"`")) {
					t.Errorf("%s: a shell is run", fset.Position(call.Pos()))
				}
			}
			return true
		})
	}
	if runs == 0 {
		t.Error("nothing runs a program: this test looks for the wrong names")
	}
}

// TestTLSIsNotWeakened: whoever is called over TLS shows a certificate for their name, and TLS is 1.2 at least, with Go's own
// choice of ciphers.
func TestTLSIsNotWeakened(t *testing.T) {
	t.Parallel()
	files, fset := sources(t)
	made := 0
	for _, s := range files {
		if s.test || support(s.dir()) || !within(s.dir(), "internal", "cmd", "client") {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			set := map[string]ast.Expr{}
			for _, e := range lit.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok {
					if key, ok := kv.Key.(*ast.Ident); ok {
						set[key.Name] = kv.Value
					}
				}
			}
			// Of a websocket.AcceptOptions the name means something else: the origin was compared before.
			if _, off := set["InsecureSkipVerify"]; off && !called(lit.Type, "websocket", "AcceptOptions") {
				t.Errorf("%s: certificates are not looked at", fset.Position(lit.Pos()))
			}
			if !called(lit.Type, "tls", "Config") {
				return true
			}
			made++
			if least := set["MinVersion"]; !called(least, "tls", "VersionTLS12", "VersionTLS13") {
				t.Errorf("%s: say MinVersion", fset.Position(lit.Pos()))
			}
			for _, own := range []string{"CipherSuites", "CurvePreferences", "MaxVersion"} {
				if set[own] != nil {
					t.Errorf("%s: leave %s to Go", fset.Position(lit.Pos()), own)
				}
			}
			return true
		})
	}
	if made == 0 {
		t.Error("nothing is called over TLS: this test looks for the wrong names")
	}
}

// TestHTMLComesOutOfTemplates: text that html/template is to take as it is comes from these files alone, each of which escapes or
// has made it.
func TestHTMLComesOutOfTemplates(t *testing.T) {
	t.Parallel()
	own := map[string]bool{
		"internal/app/identity/page/words.go": false, "internal/platform/letter/writer.go": false,
	}
	files, fset := sources(t)
	for _, s := range files {
		if s.test || !within(s.dir(), "internal", "cmd") {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			for _, pkg := range []string{"template", "htmltemplate"} {
				switch {
				case called(call.Fun, pkg, "JS", "JSStr", "CSS", "HTMLAttr", "Srcset"):
					t.Errorf("%s: no text is script, style or attribute as it stands", fset.Position(call.Pos()))
				case called(call.Fun, pkg, "HTML"):
					if _, ok := own[s.path]; !ok {
						t.Errorf("%s: no text is HTML as it stands", fset.Position(call.Pos()))
					}
					own[s.path] = true
				}
			}
			return true
		})
	}
	for name, used := range own {
		if !used {
			t.Errorf("%s makes no HTML any more: take it from the list", name)
		}
	}
}

// TestPatternsOfRegexpsAreOurs: no pattern comes from outside: MustCompile would end the program, and a pattern of somebody else's
// matches what they like.
func TestPatternsOfRegexpsAreOurs(t *testing.T) {
	t.Parallel()
	// Both take patterns from lists of constants within their own file.
	own := []string{"internal/platform/obs/redact.go", "internal/app/lab/manifest/load.go"}
	files, fset := sources(t)
	constants := map[string][]string{} // of each folder
	for _, s := range files {
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			if decl, ok := n.(*ast.GenDecl); ok && decl.Tok == token.CONST {
				for _, spec := range decl.Specs {
					if value, ok := spec.(*ast.ValueSpec); ok {
						for _, name := range value.Names {
							constants[s.dir()] = append(constants[s.dir()], name.Name)
						}
					}
				}
			}
			return true
		})
	}
	for _, s := range files {
		if s.test || !within(s.dir(), "internal", "cmd", "client") {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !called(call.Fun, "regexp", "Compile", "MustCompile", "MatchString", "Match") {
				return true
			}
			if !constant(call.Args[0], constants[s.dir()]) && !slices.Contains(own, s.path) {
				t.Errorf("%s: the pattern is no constant", fset.Position(call.Pos()))
			}
			return true
		})
	}
}

// constant tells whether an expression is of texts and names of constants alone.
func constant(e ast.Expr, names []string) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind == token.STRING
	case *ast.BinaryExpr:
		return constant(e.X, names) && constant(e.Y, names)
	case *ast.Ident:
		return slices.Contains(names, e.Name)
	}
	return false
}

// TestTheConsoleRunsNoText: no text becomes script or markup in the console, nobody else's window is listened to, and what stays in
// the browser goes through the few files that say what it is.
func TestTheConsoleRunsNoText(t *testing.T) {
	t.Parallel()
	never := regexp.MustCompile(`\beval\(|new Function\(|\.innerHTML\b|\.outerHTML\b|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|postMessage\(|addEventListener\('message'|['"\x60]javascript:|document\.cookie|indexedDB|__proto__`)
	stored := regexp.MustCompile(`localStorage\b|sessionStorage\b`)
	kept := map[string]bool{
		"web/src/lib/storage.ts": false, "web/src/lib/auth.ts": false, "web/src/features/session/LabPage.tsx": false,
		"web/src/features/invitation/token.ts": false, "web/src/features/registration/ConfirmPage.tsx": false,
	}
	looked := 0
	walk(t, func(name string, entry fs.DirEntry) {
		if entry.IsDir() || !strings.HasPrefix(name, "web/src/") || strings.Contains(name, ".test.") || !slices.Contains([]string{".ts", ".tsx"}, path.Ext(name)) {
			return
		}
		looked++
		text, err := os.ReadFile(filepath.Join(root(t), name))
		if err != nil {
			t.Fatal(err)
		}
		if found := never.Find(text); found != nil {
			t.Errorf("%s: %s", name, found)
		}
		if stored.Match(text) {
			if _, ok := kept[name]; !ok {
				t.Errorf("%s keeps something in the browser: use lib/storage", name)
			}
			kept[name] = true
		}
	})
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		if !kept[name] {
			t.Errorf("%s keeps nothing in the browser any more: take it from the list", name)
		}
	}
	if looked < 100 {
		t.Errorf("only %d files were looked at", looked)
	}
}
