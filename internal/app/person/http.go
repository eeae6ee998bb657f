package person

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/proof"
)

const tag = "person"

// Register adds the routes.
func (s *Service) Register(api huma.API) {
	data := httpx.Weighing(httpx.Operation(http.MethodGet, "/v1/me/data", "get-my-data", httpx.SignedIn, "Everything that is stored about the caller, in all organisations, as one JSON document", tag), 20)
	data.Responses = map[string]*huma.Response{"200": {Description: "The document", Content: map[string]*huma.MediaType{
		"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}},
	}}}
	huma.Register(api, httpx.Streamed(data), s.download)
	huma.Register(api, listed().Operation(httpx.Operation(http.MethodGet, "/v1/me/consents", "list-my-consents", httpx.SignedIn, "What the caller agreed to, and when", tag)),
		func(ctx context.Context, in *list.Query) (*consentsOutput, error) {
			found, err := s.Consents(ctx)
			if err != nil {
				return nil, err
			}
			out := &consentsOutput{Body: ConsentList{Items: found}}
			return out, listed().Into(*in, &out.Body.Items, &out.Body.Next)
		})
	erase := httpx.Operation(http.MethodPost, "/v1/me/erasure", "erase-me", httpx.SignedIn, "Delete the caller's account and everything that is theirs, for good", tag)
	erase.Description = "The answer is a signed proof with the number of rows before and after. It cannot be had again: keep it."
	erase.Errors = append(erase.Errors, http.StatusConflict, http.StatusTooManyRequests, http.StatusServiceUnavailable)
	huma.Register(api, erase, func(ctx context.Context, in *eraseInput) (*proofOutput, error) {
		release, err := s.slot()
		if err != nil {
			return nil, err
		}
		defer release()
		p, err := s.Erase(ctx, in.Body.Confirm, in.Body.Password)
		return &proofOutput{Body: p}, err
	})
}

type eraseInput struct {
	Body struct {
		Confirm  string `json:"confirm" maxLength:"254" doc:"The caller's own e-mail address"`
		Password string `json:"password" maxLength:"1024"`
	}
}

type proofOutput struct{ Body proof.Proof }

// ConsentList is everything that a person agreed to.
type ConsentList struct {
	Items []Consent `json:"items" nullable:"false"`
	Next  string    `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

// listed is how consents are listed: a person has few. They have no id but what they are.
func listed() list.List[Consent] {
	return list.List[Consent]{
		Name: "my-consents", Named: true, Whole: true,
		ID: func(c Consent) string {
			return c.Document + " " + c.Version + " " + c.At.UTC().Format(time.RFC3339Nano)
		},
		Sorts: []list.Sort[Consent]{{Name: "at", Down: true, Time: func(c Consent) time.Time { return c.At }}},
	}
}

type consentsOutput struct{ Body ConsentList }

// maxSlots bounds how many copies and erasures are made at once: each holds a connection of identity.
const maxSlots = 3

// slot takes a place among those who work at once.
func (s *Service) slot() (release func(), err error) {
	s.once.Do(func() { s.slots = make(chan struct{}, maxSlots) })
	select {
	case s.slots <- struct{}{}:
		return func() { <-s.slots }, nil
	default:
		return nil, ErrBusy
	}
}

// sendTime bounds the sending of a copy.
const sendTime = 2 * time.Minute

// download makes the copy whole before it sends it: what fails is an answer then, and no half of a document.
func (s *Service) download(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	release, err := s.slot()
	if err != nil {
		return nil, err
	}
	defer release()
	f, err := os.CreateTemp(s.Dir, "person-*")
	if err != nil {
		return nil, fmt.Errorf("make a file for a copy: %w", err)
	}
	// Nobody else opens it, and nothing is left of it, whatever happens.
	if err := errors.Join(os.Remove(f.Name()), s.Copy(ctx, f)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read a copy: %w", err), f.Close())
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer f.Close() //nolint:errcheck // it is gone
		hctx.SetHeader("Content-Type", "application/json")
		hctx.SetHeader("Content-Length", strconv.FormatInt(size, 10))
		hctx.SetHeader("Content-Disposition", `attachment; filename="my-data.json"`)
		if w, ok := hctx.BodyWriter().(http.ResponseWriter); ok {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(sendTime)) // a recorder in tests has none
		}
		_, _ = io.Copy(hctx.BodyWriter(), f) // the client may be gone
	}}, nil
}
