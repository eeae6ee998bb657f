package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/cloudkida/cloudkida/internal/server"
)

// promises are what the description says of answers, read by a library that knows nothing of how it was made.
type promises struct {
	compiler *jsonschema.Compiler
	paths    []string // those with fewer parameters first: the more exact one is meant
	answers  map[string]map[string]struct {
		Responses map[string]struct {
			Content map[string]any
		}
	}

	mu      sync.Mutex
	schemas map[string]*jsonschema.Schema
}

const documentName = "openapi.json"

// promised reads the description once for the whole test run.
var promised = sync.OnceValues(func() (*promises, error) { //nolint:gochecknoglobals // it never changes
	text, err := server.Describe()
	if err != nil {
		return nil, err
	}
	return newPromises(text)
})

func newPromises(text []byte) (*promises, error) {
	var api struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]any
			}
		}
	}
	if err := json.Unmarshal(text, &api); err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	p := &promises{compiler: jsonschema.NewCompiler(), answers: api.Paths, schemas: map[string]*jsonschema.Schema{}}
	p.compiler.AssertFormat()
	if err := p.compiler.AddResource(documentName, doc); err != nil {
		return nil, err
	}
	for path := range api.Paths {
		p.paths = append(p.paths, path)
	}
	slices.SortFunc(p.paths, func(a, b string) int { return strings.Count(a, "{") - strings.Count(b, "{") })
	return p, nil
}

// path is the described path that an address is of, or "".
func (p *promises) path(address string) string {
	parts := strings.Split(address, "/")
	for _, path := range p.paths {
		of, same := strings.Split(path, "/"), true
		if len(of) != len(parts) {
			continue
		}
		for n, part := range of {
			same = same && (strings.HasPrefix(part, "{") || part == parts[n])
		}
		if same {
			return path
		}
	}
	return ""
}

// schema compiles the schema that stands at a place of the description once.
func (p *promises) schema(place ...string) (*jsonschema.Schema, error) {
	parts := []string{"#"}
	for _, part := range place {
		parts = append(parts, url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(part)))
	}
	pointer := strings.Join(parts, "/")
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.schemas[pointer]; s != nil {
		return s, nil
	}
	s, err := p.compiler.Compile(documentName + pointer)
	p.schemas[pointer] = s
	return s, err
}

// broken says how an answer is not what the description promises, or "". What no operation answers is not described: pages,
// streams and what is refused before an address is looked for.
func (p *promises) broken(method, address string, status int, header http.Header, body []byte) string {
	at, err := url.Parse(address)
	if err != nil || method == http.MethodHead || method == http.MethodOptions ||
		slices.Contains([]int{http.StatusMethodNotAllowed, http.StatusRequestURITooLong, http.StatusRequestHeaderFieldsTooLarge}, status) {
		return ""
	}
	path := p.path(at.Path)
	op, ok := p.answers[path][strings.ToLower(method)]
	if !ok {
		return ""
	}
	answer, ok := op.Responses[strconv.Itoa(status)]
	if !ok {
		return fmt.Sprintf("status %d is not described", status)
	}
	if len(body) == 0 && (len(answer.Content) == 0 || status == http.StatusNotModified) {
		return ""
	}
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case kind == "text/event-stream":
		return ""
	case err != nil || answer.Content[kind] == nil:
		return fmt.Sprintf("an answer of status %d as %q is not described", status, header.Get("Content-Type"))
	case !strings.HasSuffix(kind, "json"):
		return ""
	}
	schema, err := p.schema("paths", path, strings.ToLower(method), "responses", strconv.Itoa(status), "content", kind, "schema")
	if err != nil {
		return err.Error()
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return "the answer is no JSON: " + err.Error()
	}
	if err := schema.Validate(value); err != nil {
		return err.Error()
	}
	return ""
}

// keepsPromise fails the test when an answer is not as the description says.
func keepsPromise(t testing.TB, req *http.Request, res *http.Response, body []byte) {
	t.Helper()
	p, err := promised()
	if err != nil {
		t.Fatal(err)
	}
	if fault := p.broken(req.Method, req.URL.String(), res.StatusCode, res.Header, body); fault != "" {
		t.Errorf("%s %s: %d is not as described: %s\n%s", req.Method, req.URL.Path, res.StatusCode, fault, body[:min(len(body), 600)])
	}
}

// What is not as described is found: otherwise the check of all other tests is worth nothing.
func TestBrokenPromisesAreFound(t *testing.T) {
	t.Parallel()
	p, err := promised()
	if err != nil {
		t.Fatal(err)
	}
	of := func(kind string) http.Header { return http.Header{"Content-Type": {kind}} }
	good := `{"name":"abc","free":true}`
	if fault := p.broken("GET", "/v1/registrations/names?name=abc", 200, of("application/json"), []byte(good)); fault != "" {
		t.Errorf("a good answer: %s", fault)
	}
	for name, fault := range map[string]string{
		"a status":           p.broken("GET", "/v1/registrations/names", 206, of("application/json"), []byte(good)),
		"a type":             p.broken("GET", "/v1/registrations/names", 200, of("text/html"), []byte(good)),
		"no JSON":            p.broken("GET", "/v1/registrations/names", 200, of("application/json"), []byte(`{`)),
		"a field that lacks": p.broken("GET", "/v1/registrations/names", 200, of("application/json"), []byte(`{"name":"abc"}`)),
		"a field too many":   p.broken("GET", "/v1/registrations/names", 200, of("application/json"), []byte(`{"name":"abc","free":true,"secret":1}`)),
		"a field's type":     p.broken("GET", "/v1/registrations/names", 200, of("application/json"), []byte(`{"name":"abc","free":"yes"}`)),
		"a problem's form":   p.broken("POST", "/v1/groups", 409, of("application/problem+json"), []byte(`{"error":"no"}`)),
	} {
		if fault == "" {
			t.Errorf("%s is not found", name)
		}
	}
}
