package mail

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Register adds the operator's routes. The one that shows texts needs the permission to write: in the mailbox they hold
// links that let people in.
func (s *Service) Register(api huma.API, read, write tenancy.Permission) {
	huma.Register(api, mails().Operation(httpx.Operation(http.MethodGet, "/v1/operator/mail", "list-mail", read,
		"Mail that the installation sent, the newest first, and how it sends", "operator")), s.showList)
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/operator/mail/{id}", "get-mail", write,
		"One mail with its text", "operator"), s.showOne)
	huma.Register(api, httpx.Operation(http.MethodPost, "/v1/operator/mail/{id}/retry", "retry-mail", write,
		"Send a mail that failed or bounced once more", "operator"), s.retry)
}

// Mode says how mail is sent.
type Mode struct {
	Transport string `json:"transport" enum:"mailbox,smtp" doc:"mailbox: nothing leaves the installation; operators read it here"`
	Server    string `json:"server,omitempty" example:"smtp.example.com:587"`
	From      string `json:"from,omitempty"`
}

// Item is a mail in the list.
type Item struct {
	ID        uuid.UUID  `json:"id"`
	Tenant    *uuid.UUID `json:"tenant,omitempty"`
	To        string     `json:"to"`
	Subject   string     `json:"subject"`
	Kind      string     `json:"kind" example:"registration.confirm"`
	State     State      `json:"state" enum:"queued,sent,failed,bounced"`
	Attempts  int        `json:"attempts"`
	LastError string     `json:"lastError,omitempty" doc:"What the mail server said"`
	CreatedAt time.Time  `json:"createdAt"`
	SentAt    *time.Time `json:"sentAt,omitempty"`
}

// Detail is a mail with its text.
type Detail struct {
	Item
	Text     string `json:"text,omitempty"`
	HTML     string `json:"html,omitempty" doc:"Show it in a sandboxed frame only"`
	Withheld string `json:"withheld,omitempty" doc:"Why the text is not shown"`
}

type listInput struct {
	State string `query:"state" enum:"queued,sent,failed,bounced" doc:"Only mails in this state"`
	list.Query
}

// List is a page of mail.
type List struct {
	Mode  Mode   `json:"mode"`
	Items []Item `json:"items"`
	Next  string `json:"next,omitempty"`
}

type listOutput struct{ Body List }

type idInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

type oneOutput struct{ Body Detail }

type itemOutput struct{ Body Item }

func (s *Service) showList(ctx context.Context, in *listInput) (*listOutput, error) {
	at, err := mails().At(in.Query)
	if err != nil {
		return nil, err
	}
	found, err := read(ctx, s.Pool, State(in.State), at)
	if err != nil {
		return nil, err
	}
	out := &listOutput{}
	out.Body.Mode = s.mode()
	out.Body.Items = make([]Item, 0, len(found))
	found, out.Body.Next = mails().Page(at, found)
	for _, m := range found {
		out.Body.Items = append(out.Body.Items, item(m))
	}
	return out, nil
}

func (s *Service) mode() Mode {
	if s.SMTP == nil {
		return Mode{Transport: "mailbox"}
	}
	return Mode{Transport: "smtp", Server: s.SMTP.Server(), From: s.SMTP.From.String()}
}

func (s *Service) showOne(ctx context.Context, in *idInput) (*oneOutput, error) {
	m, err := get(ctx, s.Pool, in.ID, readOnly)
	if err != nil {
		return nil, err
	}
	if scope, ok := tenancy.From(ctx); ok {
		s.Log.InfoContext(ctx, "an operator read a mail", "operator", scope.User, "message", m.ID, "kind", m.Kind)
	}
	d := Detail{Item: item(m), Text: m.Text, HTML: m.HTML}
	switch {
	case m.Text == "":
		d.Withheld = "The text has been deleted."
	case s.SMTP != nil && !m.Keep:
		d.Text, d.HTML, d.Withheld = "", "", "The text may let its reader in, so it is for the recipient alone."
	}
	return &oneOutput{Body: d}, nil
}

func (s *Service) retry(ctx context.Context, in *idInput) (*itemOutput, error) {
	m, err := s.Retry(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if scope, ok := tenancy.From(ctx); ok {
		s.Log.InfoContext(ctx, "an operator sent a mail again", "operator", scope.User, "message", m.ID, "kind", m.Kind)
	}
	return &itemOutput{Body: item(m)}, nil
}

func item(m Stored) Item {
	i := Item{
		ID: m.ID, To: m.To, Subject: m.Subject, Kind: m.Kind, State: m.State, Attempts: m.Attempts, LastError: m.LastError,
		CreatedAt: m.CreatedAt, SentAt: m.SentAt,
	}
	if m.Tenant.Valid {
		i.Tenant = &m.Tenant.UUID
	}
	return i
}
