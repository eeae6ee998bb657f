package registration

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

const (
	tag = "registration"
	// maxBody is far above what the fields may hold.
	maxBody = 16 << 10
)

type answer[T any] struct{ Body T }

func reply[T any](body T, err error) (*answer[T], error) {
	if err != nil {
		return nil, err
	}
	return &answer[T]{Body: body}, nil
}

type registerInput struct {
	httpx.Client
	Languages string `header:"Accept-Language" doc:"The languages of the reader, who gets mail in the first that there is"`
	Key       string `header:"Idempotency-Key" required:"true" minLength:"8" maxLength:"200" doc:"Random, made anew for each registration: the same key with the same body has one effect"`
	Body      struct {
		Title     string `json:"title" minLength:"1" maxLength:"400" doc:"The organisation's name, as people read it; at most 100 characters" example:"Example University"`
		Name      string `json:"name" minLength:"1" maxLength:"100" doc:"Its unique name in addresses: 3 to 40 of a-z, 0-9 and single hyphens" example:"example"`
		Email     string `json:"email" minLength:"1" maxLength:"254" doc:"Of the first owner, who proves it by a link"`
		AdminName string `json:"adminName" minLength:"1" maxLength:"400" doc:"Of the first owner; at most 100 characters"`
		Tier      string `json:"tier" minLength:"1" maxLength:"40" example:"basic"`
	}
}

// Receipt is the answer to a registration, whatever its address.
type Receipt struct {
	ID        uuid.UUID `json:"id"`
	ExpiresAt time.Time `json:"expiresAt" doc:"The link in the mail works until then"`
}

type tokenInput struct {
	httpx.Client
	ID    uuid.UUID `path:"id" format:"uuid"`
	Token string    `header:"Registration-Token" required:"true" minLength:"1" maxLength:"200" doc:"From the link in the mail"`
}

type confirmInput struct {
	httpx.Client
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"200" doc:"From the link in the mail"`
		Name  string `json:"name,omitempty" maxLength:"100" doc:"Another name, where the first one was taken meanwhile"`
	}
}

type enterInput struct {
	httpx.Client
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"200" doc:"From the link in the mail"`
	}
}

// EnterLink leads the first owner to a page where they choose a password.
type EnterLink struct {
	Link string `json:"link" doc:"Works once"`
}

// FirstKey is an organisation's first API key.
type FirstKey struct {
	Key string `json:"secret" doc:"The whole key, shown once"`
}

// Routes adds the routes. All are public: what they do is bounded, and what they show needs the token from the mail.
func (s *Service) Routes(api huma.API) {
	register := operation(http.MethodPost, "/v1/registrations", "register", "Register an organisation; a mail with a link proves the address")
	register.DefaultStatus = http.StatusAccepted
	register.Errors = append(register.Errors, http.StatusConflict)
	huma.Register(api, register, func(ctx context.Context, in *registerInput) (*answer[Receipt], error) {
		b := in.Body
		out, err := s.Register(ctx, in.Address, in.Key, Wish{Title: b.Title, Name: b.Name, Email: b.Email, AdminName: b.AdminName, Tier: b.Tier, Locale: in.Languages})
		return reply(Receipt{ID: out.ID, ExpiresAt: out.ExpiresAt.Truncate(time.Second)}, err)
	})
	huma.Register(api, operation(http.MethodGet, "/v1/registrations/names", "look-up-name", "Whether an organisation can have a name"),
		func(ctx context.Context, in *struct {
			httpx.Client
			Name string `query:"name" required:"true" minLength:"1" maxLength:"100"`
		}) (*answer[Name], error) {
			return reply(s.Look(ctx, in.Address, in.Name))
		})
	confirm := operation(http.MethodPost, "/v1/registrations/confirm", "confirm-registration", "Prove the address and set the organisation up; again: how far it is")
	confirm.Errors = append(confirm.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, confirm, func(ctx context.Context, in *confirmInput) (*answer[Status], error) {
		if err := s.look(in.Address); err != nil {
			return nil, err
		}
		return reply(s.Confirm(ctx, in.Body.Token, in.Body.Name))
	})
	s.tokenRoutes(api)
}

// tokenRoutes are for whoever has proved the address.
func (s *Service) tokenRoutes(api huma.API) {
	enter := operation(http.MethodPost, "/v1/registrations/enter", "enter-registration", "A one-time link with which the first owner chooses a password")
	enter.Errors = append(enter.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, enter, func(ctx context.Context, in *enterInput) (*answer[EnterLink], error) {
		if err := s.look(in.Address); err != nil {
			return nil, err
		}
		link, err := s.Enter(ctx, in.Body.Token)
		return reply(EnterLink{Link: link}, err)
	})
	key := operation(http.MethodPost, "/v1/registrations/key", "get-first-key", "The organisation's first API key, for its first owner; shown once")
	key.Errors = append(key.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, key, func(ctx context.Context, in *enterInput) (*answer[FirstKey], error) {
		if err := s.look(in.Address); err != nil {
			return nil, err
		}
		key, err := s.FirstKey(ctx, in.Body.Token)
		return reply(FirstKey{Key: key}, err)
	})
	get := operation(http.MethodGet, "/v1/registrations/{id}", "get-registration", "How far a registration is")
	get.Errors = append(get.Errors, http.StatusNotFound)
	huma.Register(api, get, func(ctx context.Context, in *tokenInput) (*answer[Status], error) {
		if err := s.look(in.Address); err != nil {
			return nil, err
		}
		return reply(s.Get(ctx, in.ID, in.Token))
	})
	watch := httpx.Streaming(operation(http.MethodGet, "/v1/registrations/{id}/events", "watch-registration", "A registration now and at each change, as server-sent events named registration"))
	watch.Errors = append(watch.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, watch, func(ctx context.Context, in *tokenInput) (*huma.StreamResponse, error) {
		if err := s.look(in.Address); err != nil {
			return nil, err
		}
		return s.Watch(ctx, in.ID, in.Token)
	})
}

func operation(method, path, id, summary string) huma.Operation {
	op := httpx.Operation(method, path, id, httpx.Public, summary, tag)
	op.MaxBodyBytes = maxBody
	op.Errors = append(op.Errors, http.StatusTooManyRequests)
	return op
}
