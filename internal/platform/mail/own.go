package mail

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// Delivery is how far a letter is, for whoever sees what it is about.
type Delivery struct {
	State State     `json:"state" enum:"queued,sent,failed,bounced" doc:"Of the latest letter"`
	Error string    `json:"error,omitempty" doc:"What the mail server said"`
	At    time.Time `json:"at" doc:"When it was written"`
}

// Deliveries are the latest letters of an organisation about some things, such as invitations.
func (s *Service) Deliveries(ctx context.Context, tenant uuid.UUID, about []uuid.UUID) (map[uuid.UUID]Delivery, error) {
	return deliveries(ctx, s.Pool, tenant, about)
}

// Bounced tells which users got a letter lately that their mailbox refused, and none after it. It is about the mailbox:
// letters of the installation count like the organisation's own, those of other organisations do not.
func (s *Service) Bounced(ctx context.Context, tenant uuid.UUID, users []uuid.UUID) (map[uuid.UUID]bool, error) {
	return bounced(ctx, s.Pool, tenant, users)
}

// OwnAPI serves an organisation's own administrators: what was sent in its name, never what stood in it.
type OwnAPI struct {
	*Service
	Throttle *throttle.Throttle
	// Record adds an entry to the organisation's own audit log.
	Record func(ctx context.Context, tenant uuid.UUID, e audit.Entry) error
}

// Letter is a mail of an organisation.
type Letter struct {
	ID        uuid.UUID  `json:"id"`
	To        string     `json:"to"`
	Subject   string     `json:"subject"`
	Kind      string     `json:"kind" example:"invitation"`
	Locale    string     `json:"locale,omitempty" example:"hi" doc:"The language that it is in"`
	State     State      `json:"state" enum:"queued,sent,failed,bounced"`
	Attempts  int        `json:"attempts" doc:"Tries so far"`
	LastError string     `json:"lastError,omitempty" doc:"What the mail server said"`
	Again     bool       `json:"again" doc:"Whether it can be sent once more"`
	CreatedAt time.Time  `json:"createdAt"`
	SentAt    *time.Time `json:"sentAt,omitempty"`
}

// Letters is a page of them.
type Letters struct {
	Mailbox bool     `json:"mailbox" doc:"Nothing leaves the installation: no mail server is set, and an operator hands letters on"`
	Items   []Letter `json:"items" nullable:"false"`
	Next    string   `json:"next,omitempty"`
}

type lettersOutput struct{ Body Letters }

type letterOutput struct{ Body Letter }

// againRule bounds what an organisation sends once more: a mail server that refuses it is not to be asked without end.
func againRule() throttle.Rule {
	return throttle.Rule{Free: 50, First: 10 * time.Second, Max: 5 * time.Minute, Forget: time.Hour}
}

var errScope = errs.Unauthenticated("sign_in_required", "Sign in to continue.")

// Register adds the routes.
func (a *OwnAPI) Register(api huma.API, read, write tenancy.Permission) {
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/mail", "list-own-mail", read, "Mail that was sent in the organisation's name, the newest first", "mail"), a.list)
	again := httpx.Operation(http.MethodPost, "/v1/mail/{id}/retry", "retry-own-mail", write, "Send a mail that failed or bounced once more", "mail")
	again.Errors = append(again.Errors, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests)
	huma.Register(api, again, a.again)
}

func (a *OwnAPI) list(ctx context.Context, in *listInput) (*lettersOutput, error) {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return nil, errScope
	}
	before := uuid.Nil
	if in.Cursor != "" {
		var err error
		if before, err = uuid.Parse(in.Cursor); err != nil {
			return nil, errCursor.Wrap(err)
		}
	}
	found, err := listOf(ctx, a.Pool, scope.Tenant, State(in.State), before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := &lettersOutput{Letters{Mailbox: a.SMTP == nil, Items: found[:min(len(found), in.Limit)]}}
	if len(found) > in.Limit {
		out.Body.Next = found[in.Limit-1].ID.String()
	}
	return out, nil
}

func (a *OwnAPI) again(ctx context.Context, in *idInput) (*letterOutput, error) {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return nil, errScope
	}
	var sent Letter
	err := pgx.BeginFunc(ctx, a.Pool, func(tx pgx.Tx) error {
		m, err := getOf(ctx, tx, scope.Tenant, in.ID)
		if err != nil {
			return err
		}
		if err := m.over(); err != nil {
			return err
		}
		if wait := a.Throttle.Try(throttle.Key{Name: "mail again " + scope.Tenant.String(), Rule: againRule()}); wait > 0 {
			return httpx.Limited(wait)
		}
		if err := requeue(ctx, tx, m.ID); err != nil {
			return err
		}
		if err := a.enqueue(ctx, tx, m.ID); err != nil {
			return err
		}
		sent = Letter{ID: m.ID, To: m.To, Subject: m.Subject, Kind: m.Kind, State: Queued, CreatedAt: m.CreatedAt}
		return a.Record(ctx, scope.Tenant, audit.Entry{Action: "mail.retried", Target: m.ID.String(), Detail: map[string]any{"kind": m.Kind}})
	})
	if err != nil {
		return nil, err
	}
	return &letterOutput{sent}, nil
}
