package httpx

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// How an operation holds to If-Match.
type condition int

const (
	byContent condition = iota + 1 // compared with what its resource shows
	byVersion                      // by its own handler, with the version of a row
)

// Keys of an operation's metadata.
const (
	conditionKey     = "condition"
	unconditionalKey = "x-unconditional"
	idempotentKey    = "idempotency"
	streamedKey      = "streamed"
	sortsKey         = "sorts"
	sizeKey          = "size"
)

// Listing describes an operation as a list: sorts are what it can be sorted by, the first being its own order, and size is
// the length of a page when nobody asks, 0 where that is all there is. Parameters that it does not have are refused: a
// filter with a misspelt name would show everything.
func Listing(op huma.Operation, sorts []string, size int) huma.Operation {
	op.Metadata = maps.Clone(op.Metadata)
	op.Metadata[sortsKey], op.Metadata[sizeKey] = sorts, size
	op.RejectUnknownQueryParameters = true
	return op
}

// declareListing says of a list's parameters what Listing was told.
func declareListing(op *huma.Operation) {
	sorts, ok := op.Metadata[sortsKey].([]string)
	if !ok {
		return
	}
	for _, p := range op.Parameters {
		switch p.Name {
		case "sort":
			for _, name := range sorts {
				p.Schema.Enum = append(p.Schema.Enum, name)
			}
			p.Schema.Default = sorts[0]
			p.Schema.PrecomputeMessages()
		case "limit":
			if size, _ := op.Metadata[sizeKey].(int); size > 0 {
				p.Schema.Default = size
			} else {
				p.Description = "How many at most; all of them without it"
			}
		}
	}
}

// Streamed says that an operation's answer is too large to be held in memory, whatever its type.
func Streamed(op huma.Operation) huma.Operation {
	op.Metadata = maps.Clone(op.Metadata)
	op.Metadata[streamedKey] = true
	return op
}

// Unconditional lets an operation change without If-Match, for the reason that its description then gives: no state that
// somebody could have seen before is replaced.
func Unconditional(op huma.Operation, reason string) huma.Operation {
	op.Extensions = maps.Clone(op.Extensions)
	op.Extensions[unconditionalKey] = reason
	return op
}

// TakesKey tells whether an operation's answer is kept for its Idempotency-Key.
func TakesKey(op *huma.Operation) bool { return op.Metadata[idempotentKey] != nil }

// declare describes what every operation does alike, so that no feature needs to say it.
func declare(op *huma.Operation) {
	op.Metadata = maps.Clone(op.Metadata)
	switch op.Method {
	case http.MethodGet:
		declareListing(op)
		declareReading(op)
	case http.MethodPost:
		declareKey(op)
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
		declareChange(op)
	}
}

// whole tells whether an operation answers with one JSON body, not a stream.
func whole(op *huma.Operation) bool {
	if op.Metadata[streamedKey] != nil {
		return false
	}
	for status, r := range op.Responses {
		if r == nil || status[0] != '2' {
			continue
		}
		for kind := range r.Content {
			if kind != "application/json" {
				return false
			}
		}
		if op.Method == http.MethodGet && len(r.Content) == 0 {
			return false // a stream describes no content
		}
	}
	return true
}

func declareReading(op *huma.Operation) {
	if !whole(op) {
		return
	}
	if ok := op.Responses["200"]; ok != nil {
		addHeader(ok, etag, "What is shown, for If-Match of a change and If-None-Match of the next reading")
	}
	op.Parameters = append(op.Parameters, &huma.Param{
		Name: ifNoneMatch, In: "header", Description: "An ETag that you have: the answer is 304 when it is still right", Schema: &huma.Schema{Type: "string", MaxLength: new(1000)},
	})
	addProblem(op, http.StatusNotModified, "It is what you have")
}

func declareKey(op *huma.Operation) {
	p, _ := PermissionOf(op)
	own := slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.Name == "Idempotency-Key" })
	if p == Public || own || !whole(op) {
		return
	}
	op.Metadata[idempotentKey] = true
	op.Parameters = append(op.Parameters, &huma.Param{
		Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: "string", MinLength: new(1), MaxLength: new(200)},
		Description: "A name of your own for this request, such as a UUID: sent again within a day, it is answered the same and not done again",
	})
	addProblem(op, http.StatusConflict, "")
}

func declareChange(op *huma.Operation) {
	i := slices.IndexFunc(op.Parameters, func(p *huma.Param) bool { return p.Name == ifMatch })
	switch {
	case i >= 0:
		op.Metadata[conditionKey] = byVersion
		op.Parameters[i].Required = op.Method == http.MethodDelete && op.Parameters[i].Required
	case op.Extensions[unconditionalKey] != nil:
		return
	default:
		op.Metadata[conditionKey] = byContent
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: ifMatch, In: "header", Schema: &huma.Schema{Type: "string", MaxLength: new(1000)},
		})
		i = len(op.Parameters) - 1
	}
	op.Parameters[i].Description = "The ETag of what you saw; * for whatever it is now. Without it the answer is 428"
	if op.Method == http.MethodDelete && !op.Parameters[i].Required {
		op.Parameters[i].Description = "The ETag of what you saw: the answer is 412 when it is not that any more"
	} else {
		addProblem(op, http.StatusPreconditionRequired, "")
	}
	addProblem(op, http.StatusPreconditionFailed, "")
	if op.Method == http.MethodDelete {
		return
	}
	for status, r := range op.Responses {
		if status[0] == '2' {
			addHeader(r, etag, "What is there now, for the next If-Match")
		}
	}
}

func addHeader(r *huma.Response, name, doc string) {
	if r.Headers == nil {
		r.Headers = map[string]*huma.Param{}
	}
	r.Headers[name] = &huma.Param{Description: doc, Schema: &huma.Schema{Type: "string"}}
}

// addProblem describes an error as the operation's other errors are.
func addProblem(op *huma.Operation, status int, doc string) {
	key := strconv.Itoa(status)
	if op.Responses == nil || op.Responses[key] != nil {
		return
	}
	r := &huma.Response{Description: doc}
	if doc == "" {
		r.Description = http.StatusText(status)
		if like := op.Responses["422"]; like != nil {
			r.Content = like.Content
		}
	}
	op.Responses[key] = r
}
