package server_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/server"
)

// operation is one route of the API with what its description says of it.
type operation struct {
	Method, Path string
	ID           string // operationId
	Permission   tenancy.Permission
	Feature      string   // that a plan must have
	Media        []string // types of body that it takes
	Query        []query
	Header       []string       // names of parameters
	Body         map[string]any // a valid one; nil: it takes none, or none that is JSON
	ids          []string       // fields of the body that take an id
}

// query is a parameter of the query with the values that it may have, if only some.
type query struct {
	Name   string
	Values []any
}

type schema struct {
	Type       any               `json:"type"`
	Properties map[string]schema `json:"properties"`
	Enum       []any             `json:"enum"`
	Examples   []any             `json:"examples"`
	Ref        string            `json:"$ref"`
	Format     string            `json:"format"`
	Pattern    string            `json:"pattern"`
	Minimum    float64           `json:"minimum"`
	MinLength  int               `json:"minLength"`
	ReadOnly   bool              `json:"readOnly"`
}

// describe reads what the program says of itself.
func describe(t testing.TB) []operation {
	t.Helper()
	text, err := server.Describe()
	if err != nil {
		t.Fatal(err)
	}
	var api struct {
		Paths map[string]map[string]struct {
			OperationID string
			Permission  tenancy.Permission `json:"x-permission"`
			Feature     string             `json:"x-feature"`
			Parameters  []struct {
				Name, In string
				Required bool
				Schema   schema
			}
			RequestBody struct {
				Content map[string]struct{ Schema schema }
			}
		}
		Components struct{ Schemas map[string]schema }
	}
	if err := json.Unmarshal(text, &api); err != nil {
		t.Fatal(err)
	}
	var all []operation
	for path, methods := range api.Paths {
		for method, op := range methods {
			o := operation{Method: strings.ToUpper(method), Path: path, ID: op.OperationID, Permission: op.Permission, Feature: op.Feature}
			for _, p := range op.Parameters {
				switch p.In {
				case "query":
					o.Query = append(o.Query, query{p.Name, p.Schema.Enum})
				case "header":
					if p.Required || p.Name == "If-Match" {
						o.Header = append(o.Header, p.Name)
					}
				}
			}
			o.Media = slices.Sorted(maps.Keys(op.RequestBody.Content))
			if content, ok := op.RequestBody.Content["application/json"]; ok {
				o.Body, _ = example("", content.Schema, api.Components.Schemas).(map[string]any)
				o.ids = idFields(content.Schema, api.Components.Schemas)
			}
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(x, y operation) int { return strings.Compare(x.Path+x.Method, y.Path+y.Method) })
	return all
}

func (s schema) resolve(known map[string]schema) schema {
	if s.Ref != "" {
		return known[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	return s
}

// example is a valid value of a schema, with everything that may be in it.
func example(name string, s schema, known map[string]schema) any {
	s = s.resolve(known)
	kind, _ := s.Type.(string)
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return s.Enum[0]
	case kind == "object":
		body := map[string]any{}
		for field, p := range s.Properties {
			if !p.ReadOnly && !strings.HasPrefix(field, "$") {
				body[field] = example(field, p, known)
			}
		}
		return body
	case kind == "integer" || kind == "number":
		return s.Minimum
	case kind == "boolean":
		return false
	case kind != "string":
		return []any{}
	case s.Format == "uuid":
		return uuid.NewString()
	case s.Pattern == "^[A-Z]{3}$":
		return "EUR"
	case name == "email":
		return "somebody@attack.example"
	default:
		return strings.Repeat("x", max(1, s.MinLength))
	}
}

// idFields are the fields of a body that take ids: by their format, or because a row of that kind is planted.
func idFields(s schema, known map[string]schema) (names []string) {
	for name, p := range s.resolve(known).Properties {
		if p.resolve(known).Format == "uuid" || slices.Contains(kinds(), name) && name != "domain" { // which is a name, not a row
			names = append(names, name)
		}
	}
	return names
}

// ids are rows of one tenant, or of nobody, by what they are.
type ids map[string]string

// kinds are what ids are of. A route that takes another kind fails the suite until a row of it is planted: see rows.
func kinds() []string {
	return []string{"actor", "api-key", "client", "domain", "export", "factor", "group", "identity-provider", "invitation", "lab", "machine", "mail", "plan", "policy", "pool", "program", "registration", "session", "slug", "tenant", "user", "workflow"}
}

// nowhere is ids of rows that are not there.
func nowhere() ids {
	all := ids{"q": "nowhere"}
	for _, kind := range kinds() {
		all[kind] = uuid.NewString()
	}
	all["slug"] = "lab-" + all["slug"][:8]
	all["lab"], all["plan"] = all["slug"], "plan-"+all["slug"][4:]
	return all
}

// kindOf is what a parameter of an address is the id of: {id} of /v1/labs/{id} is of a lab. Others are no ids: the second
// hint of the third step is not found by itself.
func kindOf(path, name string) (kind, constant string) {
	switch name {
	case "step", "hint":
		return "", "0"
	case "kind":
		return "", "invitation"
	case "locale":
		return "", "hi"
	case "limit":
		return "", "sessions"
	case "name":
		if strings.Contains(path, "/checks/") {
			return "", "folder-served"
		}
		return "plan", ""
	case "id":
		before, _, _ := strings.Cut(path, "/{id}")
		return singular(before[strings.LastIndexByte(before, '/')+1:]), ""
	}
	return name, ""
}

func singular(name string) string {
	if stem, ok := strings.CutSuffix(name, "ies"); ok {
		return stem + "y"
	}
	return strings.TrimSuffix(name, "s")
}

// parameters are the names in an address.
func (o operation) parameters() (names []string) {
	for part := range strings.SplitSeq(o.Path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}

// takesID tells whether the address or the body names a row.
func (o operation) takesID() bool {
	return len(o.ids) > 0 || slices.ContainsFunc(o.parameters(), func(name string) bool {
		kind, _ := kindOf(o.Path, name)
		return kind != ""
	})
}

// fill puts ids into the address, the query and the body.
func (o operation) fill(rows ids) (address string, body []byte) {
	values := url.Values{}
	for _, q := range o.Query {
		if rows[q.Name] != "" {
			values.Set(q.Name, rows[q.Name])
		}
	}
	if !slices.ContainsFunc(o.Query, func(q query) bool { return q.Name == "sort" }) { // lists refuse what they have not
		for _, name := range []string{"tenant", "tenant_id"} { // what a careless handler could read
			values.Set(name, rows["tenant"])
		}
	}
	filled := map[string]any{}
	for name, value := range o.Body {
		if slices.Contains(o.ids, name) {
			value = rows[name]
			if rows[name] == "" {
				value = rows["user"]
			}
		}
		filled[name] = value
	}
	body, _ = json.Marshal(filled)
	return o.address(rows) + "?" + values.Encode(), body
}

// address is the path with ids in it.
func (o operation) address(rows ids) string {
	parts := strings.Split(o.Path, "/")
	for n, part := range parts {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			kind, constant := kindOf(o.Path, strings.TrimSuffix(name, "}"))
			parts[n] = constant + rows[kind]
		}
	}
	return strings.Join(parts, "/")
}

// widest are queries that show as much as can be seen at once.
func (o operation) widest() []string {
	all := url.Values{}
	for _, q := range o.Query {
		if q.Name == "limit" {
			all.Set(q.Name, "100")
		}
	}
	list := []string{all.Encode()}
	for _, q := range o.Query {
		for _, value := range q.Values {
			one := url.Values{"limit": all["limit"]}
			one.Set(q.Name, fmt.Sprint(value))
			list = append(list, one.Encode())
		}
	}
	return list
}

// changes tells whether an operation may change what later ones need.
func (o operation) changes() bool { return o.Method != http.MethodGet }
