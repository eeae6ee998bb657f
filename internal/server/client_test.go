package server_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/client"
)

// withoutSuccess are the operations that only read and cannot succeed here, each with the reason: they must still reach their
// route, and their refusal must be decoded. Of those that change something the same goes for the ones in unrecorded.
func withoutSuccess() map[string]string {
	return map[string]string{
		"GET /v1/operator/tenants/{id}/proof":                    "of an organisation that is gone: TestPurgedTenantsLeaveASignedProof in internal/control/tenant",
		"GET /v1/operator/tenants/{tenant}/exports/{id}/archive": "only what the operator asked for, who may not read what an owner did",
		"GET /v1/registrations/{id}/events":                      "it is ready: nothing more happens",
		"GET /v1/sessions/{id}/steps/{step}/solution":            "the lab has none",
	}
}

// witness is the way of a client's requests, which remembers the last one as it was sent.
type witness struct {
	method, path, kind string
	body               []byte
	status             int
}

// RoundTrip sends on. Of a stream, which does not end, the client reads the first byte.
func (w *witness) RoundTrip(req *http.Request) (*http.Response, error) {
	w.method, w.path, w.kind, w.body = req.Method, req.URL.Path, req.Header.Get("Content-Type"), nil
	if req.Body != nil {
		var err error
		if w.body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(w.body))
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	w.status = res.StatusCode
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, 1), res.Body}
	}
	return res, nil
}

// generatedMethod is the name of an operation's methods in the client.
func generatedMethod(id string) string {
	var name strings.Builder
	for part := range strings.SplitSeq(id, "-") {
		name.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return name.String()
}

// generated are the client's methods of an operation by what they take as the body: a value, or bytes of any type. Each name
// is taken out of left.
func generated(t *testing.T, api reflect.Value, o operation, left map[string]bool) (methods []string) {
	t.Helper()
	name := generatedMethod(o.ID)
	for _, body := range []string{"", "WithBody"} {
		if !left[name+body+"WithResponse"] {
			continue
		}
		for _, kind := range []string{"WithResponse", ""} { // the second is what the first calls
			if !api.MethodByName(name + body + kind).IsValid() {
				t.Errorf("%s: the client has no method %s", o.ID, name+body+kind)
			}
			delete(left, name+body+kind)
		}
		methods = append(methods, name+body+"WithResponse")
	}
	if len(methods) == 0 {
		t.Errorf("%s %s: the client has no method %sWithResponse", o.Method, o.Path, name)
	}
	return methods
}

// arguments are what a method is called with, so that it sends body to address, for the version that match says.
func (s *stage) arguments(ctx context.Context, method reflect.Type, address string, o operation, body []byte, match string) ([]reflect.Value, error) {
	args := []reflect.Value{reflect.ValueOf(ctx)}
	var inPath []string
	parts := strings.Split(address, "/")
	for n, part := range strings.Split(o.Path, "/") {
		if strings.HasPrefix(part, "{") {
			inPath = append(inPath, parts[n])
		}
	}
	fixed := method.NumIn() - 1 // the last are editors of requests
	for n := 1; n < fixed; n++ {
		of := method.In(n)
		arg := reflect.New(of).Elem()
		switch {
		case len(inPath) > 0:
			if _, err := fmt.Sscan(inPath[0], asScanner(arg)); err != nil {
				return nil, fmt.Errorf("%s as the client's %s: %w", inPath[0], of, err)
			}
			inPath = inPath[1:]
		case of.Kind() == reflect.Pointer && strings.HasSuffix(of.Elem().Name(), "Params"):
			arg.Set(neededParams(of.Elem(), s.rows[tenantA], match))
		case of.Kind() == reflect.String:
			arg.SetString(bodyType(body))
		case of.Kind() == reflect.Interface:
			arg.Set(reflect.ValueOf(bytes.NewReader(body)))
		default:
			if err := json.Unmarshal(body, arg.Addr().Interface()); err != nil {
				return nil, fmt.Errorf("%s is no %s: %w", body, of, err)
			}
		}
		args = append(args, arg)
	}
	return args, nil
}

// asScanner is what a value of an address is read into.
func asScanner(arg reflect.Value) any {
	if text, ok := arg.Addr().Interface().(*uuid.UUID); ok {
		return scanUUID{text}
	}
	return arg.Addr().Interface()
}

type scanUUID struct{ into *uuid.UUID }

// Scan reads an id.
func (s scanUUID) Scan(state fmt.ScanState, _ rune) error {
	word, err := state.Token(true, nil)
	if err == nil {
		*s.into, err = uuid.ParseBytes(word)
	}
	return err
}

func bodyType(body []byte) string {
	if json.Valid(body) {
		return "application/json"
	}
	return "application/gzip"
}

// neededParams are those of a query and of headers that an operation cannot do without, and the version.
func neededParams(of reflect.Type, rows ids, match string) reflect.Value {
	all := reflect.New(of)
	for n := range of.NumField() {
		field, value := of.Field(n), all.Elem().Field(n)
		name, _, _ := strings.Cut(cmp.Or(field.Tag.Get("form"), field.Tag.Get("json")), ",")
		switch {
		case name == "If-Match" && field.Type.Kind() == reflect.String:
			value.SetString(cmp.Or(match, "*"))
		case name == "If-Match" && match != "":
			value.Set(reflect.ValueOf(&match))
		case name == "email":
			value.Set(reflect.ValueOf(new("@nobody.example"))) // of three that say the same one must be there
		case name == "Registration-Token":
			value.SetString("token " + jewels + tenantA)
		case field.Type.Kind() == reflect.String:
			value.SetString(cmp.Or(rows[name], "some-"+strings.ToLower(name)))
		}
	}
	return all
}

// alike compares two JSON texts; a member that is null is as good as none.
func alike(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(withoutNulls(x), withoutNulls(y))
}

func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		maps.DeleteFunc(v, func(_ string, in any) bool { return in == nil })
		for name, in := range v {
			v[name] = withoutNulls(in)
		}
	case []any:
		for n, in := range v {
			v[n] = withoutNulls(in)
		}
	}
	return v
}

// decoded says what is wrong with a reply: everything that the server said must be in the field of its status.
func decoded(reply reflect.Value, status int) string {
	reply = reply.Elem()
	text := reply.FieldByName("Body").Bytes()
	kind := ""
	if res, ok := reply.FieldByName("HTTPResponse").Interface().(*http.Response); ok {
		kind = res.Header.Get("Content-Type")
	}
	names := []string{fmt.Sprintf("JSON%d", status)}
	if status >= http.StatusBadRequest {
		names = []string{fmt.Sprintf("ApplicationproblemJSON%d", status), "ApplicationproblemJSONDefault"}
	}
	if !strings.Contains(kind, "json") || strings.Contains(kind, "jsonl") {
		if status >= http.StatusBadRequest || reply.FieldByName(names[0]).IsValid() || len(text) == 0 && status == http.StatusOK {
			return fmt.Sprintf("%d %q with %d bytes", status, kind, len(text))
		}
		return ""
	}
	for _, name := range names {
		field := reply.FieldByName(name)
		if !field.IsValid() || field.IsNil() {
			continue
		}
		again, err := json.Marshal(field.Interface())
		if err != nil || !alike(text, again) {
			return fmt.Sprintf("%s has %s, the server said %s: %v", name, again, text, err)
		}
		return ""
	}
	return fmt.Sprintf("the reply has nothing in %q: %s", names, text)
}

// called calls one method with the versions that a row may have, until it is neither missing nor another, and says what is
// wrong with the request that came of it or with its answer.
func (s *stage) called(t *testing.T, w *witness, method reflect.Value, o operation, address string, body []byte) (fault string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, match := range []string{"", "*", `"1"`, `"0"`, `"2"`} {
		args, err := s.arguments(ctx, method.Type(), address, o, body, match)
		if err != nil {
			return err.Error(), 0
		}
		*w = witness{}
		out := method.Call(args)
		err, failed := out[1].Interface().(error)
		gone := failed && errors.Is(err, client.ErrSignIn) // the method before erased who calls
		switch {
		case failed && !gone:
			return err.Error(), w.status
		case w.method != o.Method || w.path != address:
			return fmt.Sprintf("it asks %s %s", w.method, w.path), w.status
		case len(o.Media) > 0 && w.kind != bodyType(body):
			return fmt.Sprintf("it says that its body is %q", w.kind), w.status
		case len(o.Media) > 0 && !bytes.Equal(w.body, body) && !alike(w.body, body):
			return fmt.Sprintf("it sends %s, not %s", w.body, body), w.status
		}
		if gone {
			return "", w.status
		}
		fault, status = decoded(out[0], w.status), w.status
		if !slices.Contains([]int{http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusPreconditionFailed, http.StatusPreconditionRequired}, status) {
			break
		}
	}
	return fault, status
}

// Every method of the generated client sends what its operation takes to the address that the description names, and what the
// server answers is wholly in the reply. Those of operations that can succeed do.
func TestEveryMethodOfTheClientReachesItsRoute(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	base, err := client.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	for m := range reflect.TypeFor[*client.ClientWithResponses]().Methods() {
		left[m.Name] = true
	}
	tries, excused := s.tries(t), withoutSuccess()
	tries["GET /v1/sign-in-settings/people"] = try{as: "s owner"}
	s.exec(t, `insert into control.operator_entry (operator, tenant_id, reason, until) values ($1, $2, 'for a test', now() + interval '1 hour')`, s.who("operator").user, s.tenants[tenantA])
	slices.SortStableFunc(s.operations, func(a, b operation) int { return cmp.Compare(a.turn(), b.turn()) })
	for _, o := range s.operations {
		id := o.Method + " " + o.Path
		as, _, body := s.prepared(t, o, tries[id])
		about := maps.Clone(s.rows[tenantA])
		maps.Copy(about, tries[id].rows)
		w := &witness{}
		api, err := (&client.Conn{Server: base, Tokens: client.Static(as.token), HTTP: &http.Client{Transport: w}}).API()
		if err != nil {
			t.Fatal(err)
		}
		for n, name := range generated(t, reflect.ValueOf(api), o, left) {
			fault, status := s.called(t, w, reflect.ValueOf(api).MethodByName(name), o, o.address(about), body)
			_, mayFail := unrecorded()[id]
			fails := status >= http.StatusMultipleChoices
			switch {
			case fault != "" || n > 0 || mayFail: // the second time it may be done already
			case fails && excused[id] == "":
				fault = fmt.Sprintf("%d: let tries call it so that it succeeds", status)
			case !fails && excused[id] != "":
				fault = "it succeeds: withoutSuccess need not excuse it"
			}
			if fault != "" {
				t.Errorf("%s (%s as %s): %s", name, id, as.name, fault)
			}
		}
	}
	for name := range left {
		t.Errorf("%s is the method of no operation", name)
	}
}

// turn is when an operation is called: reading first.
func (o operation) turn() int {
	if !o.changes() {
		return -1
	}
	return o.rank()
}
