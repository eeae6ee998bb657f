package httpx

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Explain completes the description once every operation is there: what each asks of its caller, in words, the errors that
// any of them can give, the headers of rate limits, and an example of everything that is sent and answered. fields says
// what fields and parameters mean, by name, where they say nothing of themselves.
func Explain(api huma.API, fields map[string]string) {
	doc := api.OpenAPI()
	for _, s := range doc.Components.Schemas.Map() {
		explainFields(s, fields)
	}
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			explainOperation(op, fields)
			exemplify(op, doc.Components.Schemas)
		}
	}
}

func explainFields(s *huma.Schema, fields map[string]string) {
	for name, p := range s.Properties {
		if p.Ref == "" && p.Description == "" {
			p.Description = fields[name]
		}
		explainFields(p, fields)
	}
}

func explainOperation(op *huma.Operation, fields map[string]string) {
	for _, p := range op.Parameters {
		if p.Description == "" {
			p.Description = fields[p.Name]
		}
	}
	op.Description = strings.TrimSpace(strings.Join(append([]string{op.Description}, asks(op)...), " "))
	p, _ := PermissionOf(op)
	statuses := []int{http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}
	if p != Public {
		statuses = append(statuses, http.StatusUnauthorized, http.StatusForbidden)
	}
	if _, list := op.Metadata[sortsKey]; !list || strings.Contains(op.Path, "{") {
		statuses = append(statuses, http.StatusNotFound)
	}
	if op.RequestBody != nil {
		statuses = append(statuses, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.Name == ifMatch }) {
		statuses = append(statuses, http.StatusPreconditionFailed, http.StatusPreconditionRequired)
	}
	if op.Method != http.MethodGet {
		statuses = append(statuses, http.StatusConflict)
	}
	for _, status := range statuses {
		addProblem(op, status, "")
	}
	for status := range op.Responses {
		if r := op.Responses[status]; status[0] >= '4' && r.Content == nil {
			r.Content = op.Responses["422"].Content
		}
	}
	for status, r := range op.Responses {
		if r.Description == "" {
			number, _ := strconv.Atoi(status)
			r.Description = http.StatusText(number)
		}
		if status[0] == '2' || status == "429" {
			addHeader(r, "RateLimit-Policy", "The limits that the request was under: name, q for how much, w for the seconds in which it comes back; absent where nothing bounds it")
			addHeader(r, "RateLimit", "What is left of each: name, r for how much, t for the seconds until it is whole again")
		}
		if status == "429" {
			addHeader(r, "Retry-After", "Seconds to wait before the same request may pass")
		}
	}
}

// asks says in words what an operation asks of its caller.
func asks(op *huma.Operation) (said []string) {
	switch p, _ := PermissionOf(op); p {
	case Public:
		said = append(said, "For everybody, without a token.")
	case SignedIn:
		said = append(said, "For whoever is signed in; not for API keys.")
	default:
		said = append(said, fmt.Sprintf("Needs the permission %s.", p))
	}
	if feature := FeatureOf(op); feature != "" {
		said = append(said, fmt.Sprintf("The organisation's plan must include %s.", feature))
	}
	if weight := WeightOf(op); weight > 1 {
		said = append(said, fmt.Sprintf("Counts as %d requests.", weight))
	}
	return said
}

// exemplify adds an example of each body, made of the examples, values and bounds of its fields.
func exemplify(op *huma.Operation, known huma.Registry) {
	if op.RequestBody != nil {
		exemplifyContent(op.RequestBody.Content, known)
	}
	for status, r := range op.Responses {
		if status[0] == '2' { // errors have one form, whose fields have examples
			exemplifyContent(r.Content, known)
		}
	}
}

func exemplifyContent(content map[string]*huma.MediaType, known huma.Registry) {
	for kind, media := range content {
		if media.Example == nil && media.Schema != nil && strings.HasSuffix(kind, "json") {
			content[kind] = &huma.MediaType{Schema: media.Schema, Example: exampleOf(media.Schema, known, "", 0), Encoding: media.Encoding}
		}
	}
}

// maxNesting bounds examples of schemas that contain themselves.
const maxNesting = 6

// exampleOf is a value that a schema takes.
func exampleOf(s *huma.Schema, known huma.Registry, name string, depth int) any {
	if s.Ref != "" {
		s = known.SchemaFromRef(s.Ref)
	}
	switch {
	case s == nil || depth > maxNesting:
		return nil
	case len(s.Examples) > 0:
		return s.Examples[0]
	case s.Default != nil:
		return s.Default
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	switch s.Type {
	case huma.TypeObject:
		return exampleObject(s, known, depth)
	case huma.TypeArray:
		if item := exampleOf(s.Items, known, name, depth+1); item != nil {
			return []any{item}
		}
		return []any{}
	case huma.TypeBoolean:
		return false
	case huma.TypeInteger, huma.TypeNumber:
		if s.Minimum != nil {
			return int64(*s.Minimum)
		}
		return 1
	}
	return exampleText(s, name)
}

func exampleObject(s *huma.Schema, known huma.Registry, depth int) any {
	object := map[string]any{}
	for _, field := range slices.Sorted(maps.Keys(s.Properties)) {
		if p := s.Properties[field]; !p.Deprecated {
			object[field] = exampleOf(p, known, field, depth+1)
		}
	}
	return object
}

// exampleText is a text of a format; texts without one are as long as they must be.
func exampleText(s *huma.Schema, name string) string {
	switch s.Format {
	case "uuid":
		return "0199a8c4-5b0e-7c31-9d52-6c1f0e3a7b84"
	case "date-time":
		return "2026-01-31T12:00:00Z"
	case "uri":
		return "https://labs.example.com/"
	case "date":
		return "2026-01-31"
	}
	least := 0
	if s.MinLength != nil {
		least = *s.MinLength
	}
	text := "text"
	switch lower := strings.ToLower(name); {
	case strings.Contains(lower, "email"):
		text = "ada@example.com"
	case lower == "id", strings.HasSuffix(name, "Id"), strings.HasSuffix(name, "By"):
		return "0199a8c4-5b0e-7c31-9d52-6c1f0e3a7b84"
	}
	if short := least - len(text); short > 0 {
		text += strings.Repeat("x", short)
	}
	if s.MaxLength != nil && len(text) > *s.MaxLength {
		text = text[:*s.MaxLength]
	}
	return text
}
