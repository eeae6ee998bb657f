package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
)

// MemberCmd works with the people of the organisation.
type MemberCmd struct {
	List   MemberListCmd   `cmd:"" help:"List the people of your organisation."`
	Invite MemberInviteCmd `cmd:"" help:"Invite somebody by mail."`
	Role   MemberRoleCmd   `cmd:"" help:"Give somebody another role."`
	Remove MemberRemoveCmd `cmd:"" help:"Remove somebody; their labs and sign-ins here end within seconds."`
}

// MemberListCmd lists members.
type MemberListCmd struct {
	remote
	limits
	Query string `arg:"" optional:"" help:"Start of an e-mail address, or part of a name."`
	Role  string `help:"Only this role." enum:",owner,admin,author,instructor,learner" default:""`
}

// Run prints them.
func (c *MemberListCmd) Run(ctx context.Context) error {
	q := url.Values{"limit": {"200"}}
	if c.Query != "" {
		q.Set("q", c.Query)
	}
	if c.Role != "" {
		q.Set("role", c.Role)
	}
	return c.list(ctx, "/v1/members?"+q.Encode(), c.Limit, "id", "email", "name", "role", "status")
}

// MemberInviteCmd invites.
type MemberInviteCmd struct {
	remote
	Email string `arg:"" help:"Who gets the mail."`
	Role  string `help:"The role, not above your own." enum:"owner,admin,author,instructor,learner" default:"learner"`
}

// Run invites one person.
func (c *MemberInviteCmd) Run(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/v1/invitations", map[string]any{"email": c.Email, "role": c.Role}, "id", "email", "role", "state", "expiresAt")
}

// who is a member, named by e-mail address or id.
type who struct {
	remote
	Member string `arg:"" help:"E-mail address or id."`
}

// path finds the member.
func (w who) path(ctx context.Context) (string, error) {
	if id, err := uuid.Parse(w.Member); err == nil {
		return "/v1/members/" + id.String(), nil
	}
	answer, _, err := w.call(ctx, http.MethodGet, "/v1/members?"+url.Values{"q": {w.Member}}.Encode(), nil)
	if err != nil {
		return "", err
	}
	var found struct {
		Items []struct{ ID, Email string } `json:"items"`
	}
	if err := json.Unmarshal(answer, &found); err != nil {
		return "", fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	for _, m := range found.Items {
		if strings.EqualFold(m.Email, w.Member) {
			return "/v1/members/" + m.ID, nil
		}
	}
	return "", coded{fmt.Errorf("nobody here has the address %s: see `cloudkida member list`", w.Member), exitNotFound}
}

// MemberRoleCmd changes a role.
type MemberRoleCmd struct {
	who
	Role string `arg:"" help:"The new role." enum:"owner,admin,author,instructor,learner"`
}

// Run changes it, unless somebody else does so at the same time.
func (c *MemberRoleCmd) Run(ctx context.Context) error {
	path, err := c.path(ctx)
	if err != nil {
		return err
	}
	_, etag, err := c.call(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	answer, _, err := c.call(ctx, http.MethodPatch, path, map[string]any{"role": c.Role}, "If-Match", etag)
	if err != nil {
		return err
	}
	return c.print(answer, "email", "role")
}

// MemberRemoveCmd removes.
type MemberRemoveCmd struct{ who }

// Run removes one person.
func (c *MemberRemoveCmd) Run(ctx context.Context) error {
	path, err := c.path(ctx)
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodDelete, path, nil)
}
