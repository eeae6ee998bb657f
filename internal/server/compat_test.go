package server_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/server"
)

// object is JSON as it comes.
type object = map[string]any

// in follows names into an object.
func in(o object, names ...string) object {
	for _, name := range names {
		o, _ = o[name].(object)
	}
	return o
}

// comparison finds what a program that was written for an older description would stumble over: docs/api-compatibility.md.
type comparison struct {
	old, now object
	breaks   []string
	seen     map[string]bool // pairs of schemas that refer to themselves
}

func (c *comparison) add(format string, args ...any) {
	c.breaks = append(c.breaks, fmt.Sprintf(format, args...))
}

// compare returns what breaks, sorted.
func compare(old, now object) []string {
	c := &comparison{old: old, now: now, seen: map[string]bool{}}
	for path, methods := range in(old, "paths") {
		for method := range methods.(object) { //nolint:errcheck,forcetypeassert // of our own document
			name := strings.ToUpper(method) + " " + path
			is := in(now, "paths", path, method)
			if is == nil {
				c.add("%s is gone", name)
				continue
			}
			c.operation(name, in(old, "paths", path, method), is)
		}
	}
	slices.Sort(c.breaks)
	return slices.Compact(c.breaks)
}

func (c *comparison) operation(name string, was, is object) {
	if was["operationId"] != is["operationId"] {
		c.add("%s: operationId was %v, which generated clients call", name, was["operationId"])
	}
	if was["x-permission"] == "public" && is["x-permission"] != "public" {
		c.add("%s: is not public any more", name)
	}
	before := parameters(was)
	for key, p := range parameters(is) {
		old, known := before[key]
		if required, _ := p["required"].(bool); required && (!known || old["required"] != true) {
			c.add("%s: parameter %s is required now", name, key)
		}
		if known {
			c.schema(name+" "+key, in(old, "schema"), in(p, "schema"), true)
		}
	}
	for key := range before {
		if parameters(is)[key] == nil {
			c.add("%s: parameter %s is gone", name, key)
		}
	}
	c.request(name, in(was, "requestBody"), in(is, "requestBody"))
	for status := range in(was, "responses") {
		if status[0] != '2' {
			continue
		}
		now := in(is, "responses", status)
		if now == nil {
			c.add("%s: does not answer %s any more", name, status)
			continue
		}
		c.contents(name+" "+status, in(was, "responses", status, "content"), in(now, "content"), false)
		for header := range in(was, "responses", status, "headers") {
			if in(now, "headers")[header] == nil {
				c.add("%s %s: header %s is gone", name, status, header)
			}
		}
	}
}

func (c *comparison) request(name string, was, is object) {
	if is["required"] == true && was["required"] != true {
		c.add("%s: a body is required now", name)
	}
	c.contents(name+" body", in(was, "content"), in(is, "content"), true)
}

func (c *comparison) contents(where string, was, is object, sent bool) {
	for kind := range was {
		if is[kind] == nil {
			c.add("%s: %s is gone", where, kind)
			continue
		}
		c.schema(where, in(was, kind, "schema"), in(is, kind, "schema"), sent)
	}
}

func parameters(op object) map[string]object {
	all := map[string]object{}
	list, _ := op["parameters"].([]any)
	for _, each := range list {
		p, _ := each.(object)
		all[fmt.Sprintf("%v %v", p["in"], p["name"])] = p
	}
	return all
}

func resolve(doc, schema object) object {
	for schema["$ref"] != nil {
		schema = in(doc, "components", "schemas", strings.TrimPrefix(fmt.Sprint(schema["$ref"]), "#/components/schemas/"))
	}
	return schema
}

// schema compares values that a client sends, which must stay good, or reads, which must stay there.
func (c *comparison) schema(where string, was, is object, sent bool) {
	pair := fmt.Sprint(was["$ref"], is["$ref"], sent)
	if was["$ref"] != nil {
		if c.seen[pair] {
			return
		}
		c.seen[pair] = true
	}
	was, is = resolve(c.old, was), resolve(c.now, is)
	if was == nil || is == nil {
		return
	}
	if fmt.Sprint(was["type"], was["format"]) != fmt.Sprint(is["type"], is["format"]) {
		c.add("%s: was %v %v, is %v %v", where, was["type"], was["format"], is["type"], is["format"])
		return
	}
	if sent {
		c.narrowed(where, was, is)
	}
	for _, name := range slices.Sorted(maps.Keys(in(was, "properties"))) {
		if in(is, "properties")[name] == nil {
			c.add("%s: field %s is gone", where, name)
			continue
		}
		c.schema(where+"."+name, in(was, "properties", name), in(is, "properties", name), sent)
	}
	for name := range required(is) {
		if sent && !required(was)[name] {
			c.add("%s: field %s is required now", where, name)
		}
	}
	for name := range required(was) {
		if !sent && !required(is)[name] {
			c.add("%s: field %s may be absent now", where, name)
		}
	}
	for _, below := range []string{"items", "additionalProperties"} {
		if in(was, below) != nil && in(is, below) != nil {
			c.schema(where+"[]", in(was, below), in(is, below), sent)
		}
	}
}

// narrowed finds values that were good and are not any more.
func (c *comparison) narrowed(where string, was, is object) {
	values, _ := is["enum"].([]any)
	before, _ := was["enum"].([]any)
	for _, v := range before {
		if values != nil && !slices.Contains(values, v) {
			c.add("%s: takes %v no more", where, v)
		}
	}
	if before == nil && values != nil {
		c.add("%s: takes some values alone now", where)
	}
	for _, bound := range []string{"maxLength", "maximum", "maxItems", "maxProperties"} {
		if lower(is[bound], was[bound]) {
			c.add("%s: %s is lower now", where, bound)
		}
	}
	for _, bound := range []string{"minLength", "minimum", "minItems"} {
		if lower(was[bound], is[bound]) || was[bound] == nil && is[bound] != nil && is[bound] != 0.0 {
			c.add("%s: %s is higher now", where, bound)
		}
	}
	if is["pattern"] != nil && is["pattern"] != was["pattern"] {
		c.add("%s: has another pattern", where)
	}
}

// lower tells whether bound a is lower than b, where none is the highest.
func lower(a, b any) bool {
	x, has := a.(float64)
	y, had := b.(float64)
	return has && (!had || x < y)
}

func required(schema object) map[string]bool {
	all := map[string]bool{}
	list, _ := schema["required"].([]any)
	for _, name := range list {
		all[fmt.Sprint(name)] = true
	}
	return all
}

// released is the description that programs of others were written for.
const released = "../../api/openapi.released.json"

func parse(t *testing.T, text []byte) (o object) {
	t.Helper()
	if err := json.Unmarshal(text, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestTheAPIStaysCompatible(t *testing.T) {
	t.Parallel()
	old, err := os.ReadFile(released)
	if err != nil {
		t.Fatal(err)
	}
	now, err := server.Describe()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range compare(parse(t, old), parse(t, now)) {
		t.Errorf("%s: programs that use the API would break; see docs/api-compatibility.md", b)
	}
}

func TestIncompatibleChangesAreFound(t *testing.T) {
	t.Parallel()
	text, err := server.Describe()
	if err != nil {
		t.Fatal(err)
	}
	schema := func(o object, name string) object { return in(o, "components", "schemas", name) }
	for want, plant := range map[string]func(o object){
		"GET /v1/groups is gone":        func(o object) { delete(in(o, "paths", "/v1/groups"), "get") },
		"POST /v1/sessions is gone":     func(o object) { delete(in(o, "paths"), "/v1/sessions") },
		"field email is gone":           func(o object) { delete(in(schema(o, "Member"), "properties"), "email") },
		"field email may be absent now": func(o object) { schema(o, "Member")["required"] = []any{} },
		"takes learner no more":         func(o object) { first(in(o, "paths", "/v1/members", "get"), "role")["enum"] = []any{"owner"} },
		"field planted is required now": func(o object) {
			resolve(o, in(o, "paths", "/v1/groups", "post", "requestBody", "content", "application/json", "schema"))["required"] = []any{"planted"}
		},
		"was boolean":                   func(o object) { in(schema(o, "Member"), "properties", "disabled")["type"] = "string" },
		"parameter query limit is gone": func(o object) { in(o, "paths", "/v1/groups", "get")["parameters"] = []any{} },
		"maximum is lower now":          func(o object) { first(in(o, "paths", "/v1/groups", "get"), "limit")["maximum"] = 10.0 },
		"query new is required now":     func(o object) { addParameter(in(o, "paths", "/v1/groups", "get")) },
		"is not public any more":        func(o object) { in(o, "paths", "/v1/tiers", "get")["x-permission"] = "signed-in" },
		"header ETag is gone": func(o object) {
			delete(in(o, "paths", "/v1/groups/{id}", "get", "responses", "200", "headers"), "ETag")
		},
		"does not answer 201 any more":   func(o object) { delete(in(o, "paths", "/v1/groups", "post", "responses"), "201") },
		"operationId was list-my-grants": func(o object) { in(o, "paths", "/v1/me/grants", "get")["operationId"] = "x" },
	} {
		now := parse(t, text)
		plant(now)
		if found := strings.Join(compare(parse(t, text), now), "\n"); !strings.Contains(found, want) {
			t.Errorf("not found: %s; found %q", want, found)
		}
	}
	// What only adds breaks nobody.
	now := parse(t, text)
	in(now, "paths")["/v1/planted"] = object{"get": object{"operationId": "planted"}}
	in(schema(now, "Member"), "properties")["planted"] = object{"type": "string"}
	if found := compare(parse(t, text), now); len(found) > 0 {
		t.Errorf("additions: %q", found)
	}
}

// first is the schema of a parameter.
func first(op object, name string) object {
	for key, p := range parameters(op) {
		if strings.HasSuffix(key, " "+name) {
			return in(p, "schema")
		}
	}
	return object{}
}

func addParameter(op object) {
	list, _ := op["parameters"].([]any)
	op["parameters"] = append(list, object{"name": "new", "in": "query", "required": true, "schema": object{"type": "string"}})
}
