package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/server"
)

// explained is what a description says in words.
type explained struct {
	Paths map[string]map[string]struct {
		Permission, Summary, Description string
		Parameters                       []struct{ Name, Description string }
		RequestBody                      struct{ Content map[string]sample }
		Responses                        map[string]struct {
			Headers map[string]any
			Content map[string]sample
		}
	}
	Components struct {
		Schemas map[string]explainedSchema
	}
}

type sample struct{ Example any }

type explainedSchema struct {
	Description string
	Ref         string `json:"$ref"`
	Properties  map[string]explainedSchema
}

// unexplained lists the fields of a schema that say nothing of themselves.
func (s explainedSchema) unexplained(name string) (faults []string) {
	for field, p := range s.Properties {
		if p.Ref == "" && p.Description == "" {
			faults = append(faults, name+"."+field+": say what it means, where it is made or in fields.txt")
		}
		faults = append(faults, p.unexplained(name+"."+field)...)
	}
	return faults
}

// incomplete lists what a description leaves open.
func incomplete(t *testing.T, text []byte) (faults []string) {
	t.Helper()
	var api explained
	if err := json.Unmarshal(text, &api); err != nil {
		t.Fatal(err)
	}
	for name, s := range api.Components.Schemas {
		faults = append(faults, s.unexplained(name)...)
	}
	for path, methods := range api.Paths {
		for method, op := range methods {
			fault := func(what string) { faults = append(faults, method+" "+path+": "+what) }
			if op.Summary == "" || op.Description == "" {
				fault("lacks a summary or a description")
			}
			for _, p := range op.Parameters {
				if p.Description == "" {
					fault("parameter " + p.Name + " says nothing of itself")
				}
			}
			for kind, body := range op.RequestBody.Content {
				if strings.HasSuffix(kind, "json") && body.Example == nil {
					fault("has no example of its body")
				}
			}
			must := []string{"400", "422", "429", "500", "503"}
			if !strings.Contains(op.Description, "For everybody") {
				must = append(must, "401", "403")
			}
			if strings.Contains(path, "{") {
				must = append(must, "404")
			}
			for _, status := range must {
				if _, ok := op.Responses[status]; !ok {
					fault("lacks the status " + status)
				}
			}
			for status, r := range op.Responses {
				_, problem := r.Content["application/problem+json"]
				if status >= "400" && !problem {
					fault(status + " is no problem+json")
				}
				if (status[0] == '2' || status == "429") && (r.Headers["RateLimit"] == nil || r.Headers["RateLimit-Policy"] == nil) {
					fault(status + " lacks the headers of rate limits")
				}
				if body, ok := r.Content["application/json"]; ok && body.Example == nil {
					fault(status + " has no example")
				}
			}
		}
	}
	slices.Sort(faults)
	return faults
}

func TestTheDescriptionIsComplete(t *testing.T) {
	t.Parallel()
	text, err := server.Describe()
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range incomplete(t, text) {
		t.Error(fault)
	}
	for _, name := range []string{"summary", "description", "example", "RateLimit", "401", "404", "429", "application/problem+json"} {
		if planted := strings.ReplaceAll(string(text), `"`+name+`": `, `"x": `); len(incomplete(t, []byte(planted))) == 0 {
			t.Errorf("nobody finds that %s is missing", name)
		}
	}
}

// An example that is not valid teaches people to send what is refused.
func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	text, err := server.Describe()
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPromises(text)
	if err != nil {
		t.Fatal(err)
	}
	var api explained
	if err := json.Unmarshal(text, &api); err != nil {
		t.Fatal(err)
	}
	for path, methods := range api.Paths {
		for method, op := range methods {
			if body, ok := op.RequestBody.Content["application/json"]; ok {
				s, err := p.compiler.Compile(documentName + "#/paths/" + escaped(path) + "/" + method + "/requestBody/content/application~1json/schema")
				if err == nil {
					err = s.Validate(body.Example)
				}
				if err != nil {
					t.Errorf("%s %s: the example of its body: %v", method, path, err)
				}
			}
			for status, r := range op.Responses {
				answer, ok := r.Content["application/json"]
				if !ok {
					continue
				}
				code, _ := strconv.Atoi(status)
				body, _ := json.Marshal(answer.Example)
				if fault := p.broken(strings.ToUpper(method), path, code, http.Header{"Content-Type": {"application/json"}}, body); fault != "" {
					t.Errorf("%s %s: the example of its answer: %s", method, path, fault)
				}
			}
		}
	}
}

func escaped(part string) string {
	return url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(part))
}

// A meaning that no field has is of something that is gone, or misspelt.
func TestEveryMeaningIsOfAField(t *testing.T) {
	t.Parallel()
	text, err := server.Describe()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("fields.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(file)) {
		name, meaning, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if !ok || seen[name] {
			t.Errorf("%q: want a name that is there once, a tab and its meaning", line)
		}
		if seen[name] = true; !strings.Contains(string(text), `"description": `+strconv.Quote(meaning)) {
			t.Errorf("%s: no field needs this meaning", name)
		}
	}
	if len(seen) < 100 {
		t.Error("the file is cut short")
	}
}
