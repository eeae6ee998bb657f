package server_test

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
)

// decided says of every kind of background job who decides what it may. "decides" asks by the same Service methods as a request
// does, as the program itself (RoleSystem), and a transaction that asked nothing fails. The others touch no tenant's data through
// a policy's rows, for the reason that stands there.
func decided() map[string]string {
	const own = "the system's own: "
	return map[string]string{
		"session.provision":    "decides session.system: session.Service in the tenant of the job's row",
		"session.end":          "decides session.system: session.Service in the tenant of the job's row",
		"idempotency.sweep":    "decides tenant.system: answers of one tenant that are over",
		"workflow.run":         own + "steps were asked for by an operator or an owner, whose right was decided at the start; entries in a tenant's log decide tenant.system",
		"audit.retain":         own + "within each tenant's scope, as the role worker, which may delete what is past its time and nothing else",
		"identity.sweep":       own + "sign-ins, codes and invitations that are over; of the role identity",
		"identity.rotate-keys": own + "signing keys of user pools",
		"upgrade.wave":         own + "schemas, never rows",
		"scope.rotate":         own + "keys of scopes",
		"mail.send":            own + "letters, of the role control",
		"mail.sweep":           own + "letters that are old, of the role control",
		"registration.sweep":   own + "registrations that nobody confirmed: there is no tenant yet",
		"directory.recheck":    own + "domains, of the role control; the tenant's log decides tenant.system",
	}
}

// kindsOf are the kinds of jobs that the program's source has.
func kindsOf(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	source := os.DirFS("..")
	err := fs.WalkDir(source, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(source, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(gotoken.NewFileSet(), name, text, 0)
		if err != nil {
			return err
		}
		for _, d := range parsed.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || fn.Name.Name != "Kind" || len(fn.Type.Params.List) > 0 || fn.Body == nil || len(fn.Body.List) != 1 {
				continue
			}
			answer, ok := fn.Body.List[0].(*ast.ReturnStmt)
			if !ok || len(answer.Results) != 1 {
				continue
			}
			if value, ok := answer.Results[0].(*ast.BasicLit); ok && value.Kind == gotoken.STRING {
				kind, err := strconv.Unquote(value.Value)
				if err != nil {
					return err
				}
				found[kind] = name
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Every kind of job decides, or is said to be the system's own: whoever adds one says which.
func TestEveryJobDecidesOrIsTheSystemsOwn(t *testing.T) {
	t.Parallel()
	kinds := kindsOf(t)
	if len(kinds) < 10 {
		t.Fatalf("only %d kinds were found: %v", len(kinds), kinds)
	}
	for kind, file := range kinds {
		if why := decided()[kind]; !strings.HasPrefix(why, "decides ") && !strings.HasPrefix(why, "the system's own: ") {
			t.Errorf("%s in %s: say in decided how it decides what it may, or why it is the system's own", kind, file)
		}
	}
	for kind := range decided() {
		if kinds[kind] == "" {
			t.Errorf("%s is described and not there", kind)
		}
	}
}
