package invitation

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
	"github.com/cloudkida/cloudkida/internal/app/member"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// Wish is somebody who shall be invited.
type Wish struct {
	Line    int    // of the list that it is from
	Problem string // what is wrong with the line; such a wish is reported and nothing else
	Email   string
	Role    tenancy.Role
	Groups  []string // by id, or by name whatever its case
}

// Outcome is what became of a wish.
type Outcome string

// The outcomes.
const (
	Invited   Outcome = "invited"
	Renewed   Outcome = "renewed"   // the address had an open invitation, whose link is worth nothing now
	Member    Outcome = "member"    // belongs to the organisation already
	Duplicate Outcome = "duplicate" // of a line before
	Refused   Outcome = "refused"
)

// Reported is one line of the report on a list.
type Reported struct {
	Line    int     `json:"line" doc:"Of the list, from 1"`
	Email   string  `json:"email"`
	Outcome Outcome `json:"outcome" enum:"invited,renewed,member,duplicate,refused"`
	Problem string  `json:"problem,omitempty" doc:"Why nothing was sent, and what helps"`

	invitation Invitation
	err        error // the problem, for who invites one alone
}

// Invite invites people: all whom nothing speaks against, in one transaction.
func (s *Service) Invite(ctx context.Context, wishes []Wish) (report []Reported, err error) {
	err = s.Members.Manage(ctx, func(tx pgx.Tx, scope tenancy.Scope, own tenancy.Role) error {
		round, err := s.begin(ctx, tx, scope, own, wishes)
		if err != nil {
			return err
		}
		var sent []Invitation
		for _, w := range wishes {
			r := Reported{Line: w.Line, Email: w.Email}
			r.invitation, r.Outcome, r.err = round.invite(ctx, w)
			if r.err != nil && errs.KindOf(r.err) == errs.KindInternal {
				return r.err
			}
			if r.err != nil {
				r.Problem = problemOf(r.err)
			} else {
				sent = append(sent, r.invitation)
			}
			report = append(report, r)
		}
		if len(sent) == 0 {
			return nil
		}
		return s.record(ctx, actionSent, sent...)
	})
	if err != nil {
		return nil, err
	}
	return report, nil
}

// problemOf is an error in one sentence.
func problemOf(err error) string {
	var e *errs.Error
	if !errors.As(err, &e) {
		return ""
	}
	if len(e.Fields) > 0 {
		return e.Fields[0].Message
	}
	return e.Message
}

// round is one call of Invite with what it needs to know of the tenant.
type round struct {
	*Service
	tx      pgx.Tx
	scope   tenancy.Scope
	own     tenancy.Role
	groups  map[uuid.UUID]string
	members map[string]bool         // by the key of their address
	open    map[string]tenancy.Role // open invitations, likewise
	seen    map[string]bool
	today   int
}

func (s *Service) begin(ctx context.Context, tx pgx.Tx, scope tenancy.Scope, own tenancy.Role, wishes []Wish) (*round, error) {
	r := &round{Service: s, tx: tx, scope: scope, own: own, seen: map[string]bool{}}
	if slices.ContainsFunc(wishes, func(w Wish) bool { return len(w.Groups) > 0 }) {
		err := s.DB.InWholeTenant(ctx, policy.MemberWrite, func(data pgx.Tx) (err error) {
			r.groups, err = s.Groups.Names(ctx, data)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	keys := make([]string, len(wishes))
	for n, w := range wishes {
		keys[n] = address.Key(address.CleanEmail(strings.ToValidUTF8(w.Email, "")))
	}
	keys = slices.DeleteFunc(keys, func(k string) bool { return strings.ContainsRune(k, 0) }) // PostgreSQL has no such text
	var err error
	if r.members, r.open, err = known(ctx, tx, scope.Tenant, keys); err != nil {
		return nil, err
	}
	r.today, err = sentToday(ctx, tx)
	return r, err
}

func (r *round) invite(ctx context.Context, w Wish) (i Invitation, o Outcome, err error) {
	if w.Problem != "" {
		return i, Refused, field("email", w.Problem)
	}
	i = Invitation{Email: address.CleanEmail(w.Email), Role: w.Role}
	if problem := address.CheckEmail(i.Email); problem != "" || !mail.ValidAddress(i.Email) {
		return i, Refused, field("email", "This is not an e-mail address; it looks like name@example.com.")
	}
	switch rank := member.Rank(w.Role); {
	case rank == 0:
		return i, Refused, field("role", "There is no such role: write owner, admin, author, instructor or learner.")
	case rank > member.Rank(r.own):
		return i, Refused, member.ErrAbove.Because("You cannot invite to a role above your own. Ask an owner.")
	}
	if i.Groups, err = r.groupsOf(w.Groups); err != nil {
		return i, Refused, err
	}
	key := address.Key(i.Email)
	open, renews := r.open[key]
	switch {
	case r.seen[key]:
		return i, Duplicate, errs.Conflict("duplicate", "This address is in the list already, further up.")
	case r.members[key]:
		return i, Member, ErrMember
	case renews && member.Rank(open) > member.Rank(r.own):
		return i, Refused, member.ErrAbove.Because("This address is invited to a role above your own. Ask an owner.")
	case r.today >= r.Limits.Daily:
		return i, Refused, ErrDaily
	}
	if wait := r.Throttle.Try(throttle.Key{Name: "invite to " + key, Rule: r.Limits.Recipient}); wait > 0 {
		return i, Refused, errs.Limited("address_invited_often", "This address had several invitations today. Try again tomorrow.")
	}
	r.seen[key] = true
	token, hash := opaque.New()
	if i, err = insert(ctx, r.tx, i, sender{User: r.scope.User}, hash); err != nil {
		return i, Refused, err
	}
	r.today++
	o = Invited
	if renews {
		o = Renewed
	}
	return i, o, r.send(ctx, r.tx, r.scope.Tenant, memberLetter, i, token)
}

// groupsOf finds groups by id or name.
func (r *round) groupsOf(wanted []string) ([]uuid.UUID, error) {
	found := []uuid.UUID{}
	for _, w := range wanted {
		id, err := uuid.Parse(w)
		if _, ok := r.groups[id]; err != nil || !ok {
			id = uuid.Nil
			for group, name := range r.groups {
				if strings.EqualFold(name, strings.TrimSpace(w)) {
					id = group
				}
			}
		}
		if id == uuid.Nil {
			return nil, field("groups", "There is no such group in this organisation: "+clip(w)+".")
		}
		if !slices.Contains(found, id) {
			found = append(found, id)
		}
	}
	if len(found) > maxGroups {
		return nil, field("groups", "At most 20 groups at once.")
	}
	return found, nil
}

// clip bounds what is shown back of what was typed.
func clip(text string) string {
	const most = 60
	if runes := []rune(strings.ToValidUTF8(text, "?")); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return strings.ToValidUTF8(text, "?")
}

func field(name, message string) error {
	return errInvitation.WithFields(errs.Field{Path: "body." + name, Message: message})
}
