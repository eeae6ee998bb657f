package browser

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Device is one browser that a person is signed in with, as they see it.
type Device struct {
	ID         uuid.UUID `json:"id"`
	Name       string    `json:"name" example:"Firefox on Linux" doc:"What the browser says that it is"`
	Address    string    `json:"address" doc:"Network address of the sign-in"`
	Methods    []string  `json:"methods" doc:"How the person proved who they are, as RFC 8176 names it"`
	SignedInAt time.Time `json:"signedInAt"`
	SeenAt     time.Time `json:"seenAt" doc:"To within 10 minutes"`
	Current    bool      `json:"current" doc:"The one that asks"`
}

// DeviceList are all of them.
type DeviceList struct {
	Items []Device `json:"items" nullable:"false"`
	Next  string   `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

// listed is how devices are listed: a person has few.
func listed() list.List[Device] {
	return list.List[Device]{
		Name: "my-sessions", ID: func(d Device) string { return d.ID.String() }, Whole: true,
		Sorts: []list.Sort[Device]{
			{Name: "seen", Down: true, Time: func(d Device) time.Time { return d.SeenAt }},
			{Name: "signedIn", Time: func(d Device) time.Time { return d.SignedInAt }},
		},
	}
}

// ErrNotFound says that there is no such session, or that it is somebody else's.
var ErrNotFound = errs.NotFound("no_such_session", "This device is signed out already.")

// maxDevices bounds the list.
const maxDevices = 200

// List returns the browsers that a user is signed in with, the one seen last at the top.
func (s *Sessions) List(ctx context.Context, user uuid.UUID) ([]Device, error) {
	rows, err := s.DB.Query(ctx, `
		select b.id, b.user_agent, b.address, b.methods, b.created_at, greatest(b.idle_at - $3::interval, b.created_at, (
			select max(r.created_at) from identity.token_family f join identity.refresh_token r on r.family_id = f.id where f.browser_session_id = b.id)) as seen, false
		from identity.browser_session b where b.user_id = $1 and least(b.idle_at, b.expires_at) > $2 order by seen desc, b.id limit $4`,
		user, s.Now(), Idle, maxDevices)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Device])
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	for i := range found {
		found[i].Name = Describe(found[i].Name)
	}
	return append([]Device{}, found...), nil
}

// CloseAll ends all of a user's sessions but the one that a token family came from, which uuid.Nil is none of.
func (s *Sessions) CloseAll(ctx context.Context, user, keep uuid.UUID) error {
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if err := EndAll(ctx, tx, user, keep); err != nil {
			return err
		}
		return audit.OfPerson(ctx, tx, user, audit.Entry{Action: "person.signed_out", Target: user.String(), Detail: map[string]any{"all": true}})
	})
	s.Forget(user)
	return err
}

// Describe says which browser this is, on what, in words; user agents are what browsers pretend to be.
func Describe(agent string) string {
	first := func(otherwise string, pairs ...string) string {
		for i := 0; i+1 < len(pairs); i += 2 {
			if strings.Contains(agent, pairs[i]) {
				return pairs[i+1]
			}
		}
		return otherwise
	}
	program := first("", "Edg/", "Edge", "OPR/", "Opera", "SamsungBrowser/", "Samsung Internet", "Firefox/", "Firefox", "FxiOS/", "Firefox",
		"CriOS/", "Chrome", "Chrome/", "Chrome", "Chromium/", "Chromium", "Safari/", "Safari", "curl/", "curl")
	system := first("", "iPhone", "an iPhone", "iPad", "an iPad", "Android", "Android", "Windows", "Windows", "CrOS", "ChromeOS", "Mac OS X", "a Mac", "Linux", "Linux")
	switch {
	case program == "" && system == "":
		return "Unknown browser"
	case program == "":
		return "A browser on " + system
	case system == "":
		return program
	}
	return program + " on " + system
}

// family finds the browser session that the caller's token came from.
func (s *Sessions) family(ctx context.Context, family uuid.UUID) (id uuid.NullUUID, err error) {
	err = s.DB.QueryRow(ctx, `select (select browser_session_id from identity.token_family where id = $1)`, family).Scan(&id)
	if err != nil {
		return id, fmt.Errorf("read token family: %w", err)
	}
	return id, nil
}

type listOutput struct{ Body DeviceList }

// Register adds the routes of one's own devices.
func (s *Sessions) Register(api huma.API) {
	const tag = "identity"
	huma.Register(api, listed().Operation(httpx.Operation(http.MethodGet, "/v1/me/sessions", "list-my-sessions", httpx.SignedIn, "Browsers that one is signed in with, the one seen last at the top", tag)), s.list)
	end := httpx.Operation(http.MethodDelete, "/v1/me/sessions/{id}", "end-my-session", httpx.SignedIn, "Sign one of one's browsers out; it holds within seconds", tag)
	end.DefaultStatus = http.StatusNoContent
	end.Errors = append(end.Errors, http.StatusNotFound)
	huma.Register(api, end, func(ctx context.Context, in *struct {
		ID uuid.UUID `path:"id" format:"uuid" doc:"Of the list"`
	}) (*struct{}, error) {
		scope, _ := tenancy.From(ctx)
		found, err := s.Close(ctx, scope.User, in.ID)
		if err == nil && !found {
			err = ErrNotFound
		}
		return nil, err
	})
	all := httpx.Operation(http.MethodDelete, "/v1/me/sessions", "end-my-sessions", httpx.SignedIn, "Sign out everywhere else, or everywhere", tag)
	all.DefaultStatus = http.StatusNoContent
	huma.Register(api, all, func(ctx context.Context, in *struct {
		Here bool `query:"here" doc:"Here as well"`
	}) (*struct{}, error) {
		scope, _ := tenancy.From(ctx)
		keep := scope.Session
		if in.Here {
			keep = uuid.Nil
		}
		return nil, s.CloseAll(ctx, scope.User, keep)
	})
}

func (s *Sessions) list(ctx context.Context, in *list.Query) (*listOutput, error) {
	scope, _ := tenancy.From(ctx)
	found, err := s.List(ctx, scope.User)
	if err != nil {
		return nil, err
	}
	here, err := s.family(ctx, scope.Session)
	for i := range found {
		found[i].Current = here.Valid && found[i].ID == here.UUID
	}
	if err != nil {
		return nil, err
	}
	out := &listOutput{Body: DeviceList{Items: found}}
	return out, listed().Into(*in, &out.Body.Items, &out.Body.Next)
}
