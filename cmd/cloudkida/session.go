package main

import (
	"context"
	"net/http"
	"net/url"

	"github.com/google/uuid"
)

// SessionCmd works with runs of labs.
type SessionCmd struct {
	List  SessionListCmd  `cmd:"" help:"List sessions."`
	Start SessionStartCmd `cmd:"" help:"Start a lab, or find the session that runs."`
	Show  SessionShowCmd  `cmd:"" help:"Show a session."`
	End   SessionEndCmd   `cmd:"" help:"End a session; its machines are deleted."`
}

// SessionListCmd lists sessions.
type SessionListCmd struct {
	remote
	limits
	All   bool   `help:"Everybody's, if your role may see them."`
	State string `help:"Only those of this state." placeholder:"STATE"`
}

// Run prints them.
func (c *SessionListCmd) Run(ctx context.Context) error {
	q := url.Values{}
	if c.All {
		q.Set("scope", "all")
	}
	if c.State != "" {
		q.Set("state", c.State)
	}
	return c.list(ctx, "/v1/sessions?"+q.Encode(), c.Limit, "id", "lab.slug", "state", "points", "createdAt", "learner.email")
}

// SessionStartCmd starts a lab.
type SessionStartCmd struct {
	remote
	Lab string `arg:"" help:"The lab's slug."`
}

// Run starts it.
func (c *SessionStartCmd) Run(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/v1/sessions", map[string]any{"lab": c.Lab}, "id", "lab.slug", "state", "deadline")
}

// oneSession names a session.
type oneSession struct {
	remote
	ID uuid.UUID `arg:"" help:"The session's id."`
}

// SessionShowCmd shows a session.
type SessionShowCmd struct{ oneSession }

// Run prints it.
func (c *SessionShowCmd) Run(ctx context.Context) error {
	return c.show(ctx, "/v1/sessions/"+c.ID.String(), "id", "lab.slug", "state", "points", "score", "createdAt", "deadline", "endedAt")
}

// SessionEndCmd ends a session.
type SessionEndCmd struct{ oneSession }

// Run ends it.
func (c *SessionEndCmd) Run(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/v1/sessions/"+c.ID.String()+"/end", nil, "id", "state")
}
