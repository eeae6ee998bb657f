package invitation

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

const tag = "invitations"

// maxBody holds a list, escaped as JSON.
const maxBody = 2*maxList + 16<<10

// List is a page of invitations, the latest first.
type List struct {
	Items []Invitation `json:"items" nullable:"false"`
	Next  string       `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

// Report says of every line of a list what became of it.
type Report struct {
	Lines []Reported `json:"lines" nullable:"false"`
	Sent  int        `json:"sent" doc:"Mails that go out"`
}

type answer[T any] struct{ Body T }

func reply[T any](body T, err error) (*answer[T], error) {
	if err != nil {
		return nil, err
	}
	return &answer[T]{Body: body}, nil
}

type listInput struct {
	State string `query:"state" enum:"open,expired,accepted,revoked" doc:"Only invitations in this state"`
	list.Query
}

type idInput struct {
	ID uuid.UUID `path:"id" format:"uuid" doc:"The invitation"`
}

type tokenInput struct {
	httpx.Client
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"200" doc:"From the link in the mail"`
	}
}

type enterInput struct {
	httpx.Client
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"200" doc:"From the link in the mail"`
		Name  string `json:"name,omitempty" maxLength:"400" doc:"Of a new person; at most 100 characters"`
	}
}

// EnterLink is where whoever has accepted goes on.
type EnterLink struct {
	Link string `json:"link" doc:"A page where a password is chosen, which works once, or where one signs in"`
}

// Register adds the routes of who invites and of who is invited.
func (s *Service) Register(api huma.API) {
	huma.Register(api, invitations().Operation(httpx.Operation(http.MethodGet, "/v1/invitations", "list-invitations", policy.MemberWrite, "Invitations to the organisation", tag)), s.list)
	create := httpx.Operation(http.MethodPost, "/v1/invitations", "invite", policy.MemberWrite, "Invite somebody by e-mail; inviting again renews an open invitation", tag)
	create.DefaultStatus = http.StatusCreated
	create.Errors = append(create.Errors, http.StatusConflict, http.StatusTooManyRequests)
	huma.Register(api, create, s.inviteOne)
	bulk := httpx.Weighing(httpx.Operation(http.MethodPost, "/v1/invitations/bulk", "invite-many", policy.MemberWrite, "Invite people by a list, with a report on each line", tag), 20)
	bulk.MaxBodyBytes = maxBody
	bulk.Errors = append(bulk.Errors, http.StatusRequestEntityTooLarge)
	huma.Register(api, bulk, s.inviteMany)
	resend := httpx.Operation(http.MethodPost, "/v1/invitations/{id}/resend", "resend-invitation", policy.MemberWrite, "Send a new link; the one before ends", tag)
	resend.Errors = append(resend.Errors, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests)
	huma.Register(api, resend, func(ctx context.Context, in *idInput) (*answer[Invitation], error) {
		return reply(s.Resend(ctx, in.ID))
	})
	revoke := httpx.Operation(http.MethodDelete, "/v1/invitations/{id}", "revoke-invitation", policy.MemberWrite, "Withdraw an invitation: its link ends", tag)
	revoke.DefaultStatus = http.StatusNoContent
	revoke.Errors = append(revoke.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, revoke, func(ctx context.Context, in *idInput) (*struct{}, error) { return nil, s.Revoke(ctx, in.ID) })
	s.registerLinks(api)
	owner := httpx.Operation(http.MethodPost, "/v1/operator/tenants/{id}/owner", "invite-owner", policy.OperatorWrite,
		"Invite an owner to an organisation that has none who can sign in", "operator")
	owner.DefaultStatus = http.StatusCreated
	owner.Errors = append(owner.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, owner, s.inviteOwner)
}

func (s *Service) inviteOwner(ctx context.Context, in *struct {
	ID   uuid.UUID `path:"id" format:"uuid" doc:"The organisation"`
	Body struct {
		Email  string `json:"email" minLength:"1" maxLength:"254" doc:"Proved by opening the link"`
		Reason string `json:"reason" minLength:"1" maxLength:"300" doc:"The organisation's audit log shows it"`
	}
}) (*answer[Invitation], error) {
	return reply(s.InviteOwner(ctx, in.ID, in.Body.Email, in.Body.Reason))
}

// registerLinks adds what needs the link from the mail.
func (s *Service) registerLinks(api huma.API) {
	look := httpx.Operation(http.MethodPost, "/v1/invitations/look", "look-at-invitation", httpx.Public, "What a link invites to, and what its holder does next", tag)
	look.Errors = append(look.Errors, http.StatusNotFound, http.StatusTooManyRequests)
	huma.Register(api, look, func(ctx context.Context, in *tokenInput) (*answer[Offer], error) {
		return reply(s.Look(ctx, in.Address, in.Body.Token))
	})
	accept := httpx.Operation(http.MethodPost, "/v1/invitations/accept", "accept-invitation", httpx.SignedIn, "Join as the person who is signed in, whose proved address must be the invited one", tag)
	accept.Errors = append(accept.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, accept, func(ctx context.Context, in *tokenInput) (*answer[Joined], error) {
		return reply(s.Accept(ctx, in.Body.Token))
	})
	enter := httpx.Operation(http.MethodPost, "/v1/invitations/enter", "enter-by-invitation", httpx.Public, "Join as a person who cannot sign in yet; leads to the choice of a password", tag)
	enter.Errors = append(enter.Errors, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests)
	huma.Register(api, enter, func(ctx context.Context, in *enterInput) (*answer[EnterLink], error) {
		link, err := s.Enter(ctx, in.Address, in.Body.Token, in.Body.Name)
		return reply(EnterLink{Link: link}, err)
	})
}

func (s *Service) list(ctx context.Context, in *listInput) (*answer[List], error) {
	at, err := invitations().At(in.Query)
	if err != nil {
		return nil, err
	}
	found, err := s.List(ctx, Filter{State: State(in.State), At: at, Limit: at.Limit + 1})
	if err != nil {
		return nil, err
	}
	page, next := invitations().Page(at, found)
	return &answer[List]{Body: List{Items: page, Next: next}}, nil
}

func (s *Service) inviteOne(ctx context.Context, in *struct {
	Body struct {
		Email  string       `json:"email" minLength:"1" maxLength:"254"`
		Role   tenancy.Role `json:"role" enum:"owner,admin,author,instructor,learner" doc:"Not above the caller's own"`
		Groups []uuid.UUID  `json:"groups,omitempty" maxItems:"20" doc:"Groups that the person joins"`
	}
}) (*answer[Invitation], error) {
	w := Wish{Line: 1, Email: in.Body.Email, Role: in.Body.Role}
	for _, id := range in.Body.Groups {
		w.Groups = append(w.Groups, id.String())
	}
	report, err := s.Invite(ctx, []Wish{w})
	if err != nil {
		return nil, err
	}
	return reply(report[0].invitation, report[0].err)
}

func (s *Service) inviteMany(ctx context.Context, in *struct {
	Body struct {
		CSV  string       `json:"csv" minLength:"1" doc:"Lines of email, role, groups; at most 1,000 lines and 256 kB. A first line may name the columns. Groups by name, parted by |"`
		Role tenancy.Role `json:"role,omitempty" enum:"owner,admin,author,instructor,learner" default:"learner" doc:"Of lines without one"`
	}
}) (*answer[Report], error) {
	wishes, err := ParseList(in.Body.CSV, in.Body.Role)
	if err != nil {
		return nil, err
	}
	lines, err := s.Invite(ctx, wishes)
	if err != nil {
		return nil, err
	}
	report := Report{Lines: lines}
	for _, l := range lines {
		if l.err == nil {
			report.Sent++
		}
	}
	return reply(report, nil)
}
