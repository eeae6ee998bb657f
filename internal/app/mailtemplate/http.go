package mailtemplate

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/letter"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

const tag = "mail"

// Summary is a template in the list.
type Summary struct {
	Kind      string     `json:"kind" example:"invitation"`
	Locale    string     `json:"locale" example:"hi"`
	Own       bool       `json:"own" doc:"Whether the organisation says something itself"`
	Subject   string     `json:"subject" doc:"As it holds now, with its variables"`
	Problem   string     `json:"problem,omitempty" doc:"Why the organisation's own words are not used; the program's are sent then"`
	Version   int64      `json:"version" doc:"Grows with every change; 0: there was none"`
	ChangedAt *time.Time `json:"changedAt,omitempty"`
	ChangedBy string     `json:"changedBy,omitempty" doc:"Name of who made this version, if it is still known"`
}

// Kind is a kind of letter that organisations can write.
type Kind struct {
	Kind      string `json:"kind" example:"invitation"`
	Available bool   `json:"available" doc:"Whether this organisation can: some letters are for those with a user pool of their own"`
}

// Language is one that there are letters in.
type Language struct {
	Tag  string `json:"tag" example:"hi"`
	Name string `json:"name" example:"हिन्दी" doc:"What it calls itself"`
}

// List is every letter that organisations can write, in every language.
type List struct {
	Entitled  bool       `json:"entitled" doc:"Whether the organisation's plan has own letters"`
	Kinds     []Kind     `json:"kinds" nullable:"false"`
	Languages []Language `json:"languages" nullable:"false"`
	Items     []Summary  `json:"items" nullable:"false"`
	Next      string     `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

// Parts are a letter before it is filled in.
type Parts struct {
	Subject string `json:"subject" maxLength:"200" example:"Welcome to {{.tenant}}" doc:"One line; empty: the program's"`
	Text    string `json:"text" maxLength:"20480" example:"Come in: {{.link}}" doc:"Empty: the program's"`
	HTML    string `json:"html" maxLength:"61440" example:"<p><a href=\"{{.link}}\">Come in</a></p>" doc:"Empty: the program's. It is cleaned of all that runs"`
}

func (p Parts) source() letter.Source {
	return letter.Source{Subject: p.Subject, Text: p.Text, HTML: p.HTML}
}

func parts(s letter.Source) Parts { return Parts{Subject: s.Subject, Text: s.Text, HTML: s.HTML} }

// Variable is one that a kind of letter has.
type Variable struct {
	Name     string `json:"name" example:"link" doc:"It is written as {{.name}}"`
	Sample   string `json:"sample" doc:"What previews show in its place"`
	Required bool   `json:"required" doc:"The text and the HTML must have it"`
	Secret   bool   `json:"secret" doc:"It lets its reader in: the subject cannot have it"`
	Link     bool   `json:"link" doc:"An address: in HTML it stands in href"`
}

// View is one template.
type View struct {
	Summary
	Parts     Parts      `json:"parts" doc:"The organisation's own; empty parts are the program's"`
	Default   Parts      `json:"default" doc:"What the program says"`
	Variables []Variable `json:"variables" nullable:"false"`
}

// Version is one that a template had.
type Version struct {
	Version   int64     `json:"version"`
	Parts     Parts     `json:"parts"`
	ChangedAt time.Time `json:"changedAt"`
	ChangedBy string    `json:"changedBy,omitempty"`
}

// History is the last versions of a template, the newest first.
type History struct {
	Items []Version `json:"items" nullable:"false"`
	Next  string    `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

// Preview is a letter with samples in it.
type Preview struct {
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html" doc:"A whole document. Show it in a sandboxed frame only"`
}

// Tested is where a test went.
type Tested struct {
	To string `json:"to" doc:"The caller's own address"`
}

type output[T any] struct{ Body T }

// Address names a template.
type Address struct {
	Kind   string `path:"kind" maxLength:"64" doc:"Kind of letter, such as invitation"`
	Locale string `path:"locale" maxLength:"35" doc:"Language, such as hi"`
}

type partsInput struct {
	Address
	Body Parts
}

type restoreInput struct {
	Address
	Body struct {
		Version int64 `json:"version" minimum:"1" maximum:"2147483647" doc:"Which version to take back"`
	}
}

const path = "/v1/mail/templates/{kind}/{locale}"

// Register adds the routes.
func (s *Service) Register(api huma.API) {
	op := func(method, path, id string, p tenancy.Permission, summary string) huma.Operation {
		op := httpx.Operation(method, path, id, p, summary, tag)
		op.Errors = append(op.Errors, http.StatusNotFound)
		return op
	}
	huma.Register(api, summaries().Operation(httpx.Operation(http.MethodGet, "/v1/mail/templates", "list-mail-templates", policy.TenantRead, "The letters that the organisation can write itself", tag)),
		s.list)
	huma.Register(api, op(http.MethodGet, path, "get-mail-template", policy.TenantRead, "One letter with its variables and what the program says"),
		func(ctx context.Context, in *Address) (*output[View], error) {
			t, err := s.Get(ctx, in.Kind, in.Locale)
			return s.reply(ctx, t, err)
		})
	change := httpx.Entitled(op(http.MethodPut, path, "set-mail-template", policy.TenantWrite, "Say something else in a letter; the version before is kept"), Feature)
	change.Errors = append(change.Errors, http.StatusConflict)
	huma.Register(api, change, func(ctx context.Context, in *partsInput) (*output[View], error) {
		t, err := s.Save(ctx, in.Kind, in.Locale, in.Body.source())
		return s.reply(ctx, t, err)
	})
	reset := op(http.MethodDelete, path, "reset-mail-template", policy.TenantWrite, "Let the program say it again; versions are kept")
	reset.DefaultStatus = http.StatusNoContent
	huma.Register(api, reset, func(ctx context.Context, in *Address) (*struct{}, error) {
		return nil, s.Reset(ctx, in.Kind, in.Locale)
	})
	huma.Register(api, history().Operation(op(http.MethodGet, path+"/versions", "list-mail-template-versions", policy.TenantRead, "The last 10 versions, the newest first")), s.history)
	restore := httpx.Entitled(op(http.MethodPost, path+"/restore", "restore-mail-template", policy.TenantWrite, "Make an earlier version the newest one"), Feature)
	restore.Errors = append(restore.Errors, http.StatusConflict)
	huma.Register(api, restore, func(ctx context.Context, in *restoreInput) (*output[View], error) {
		t, err := s.Restore(ctx, in.Kind, in.Locale, in.Body.Version)
		return s.reply(ctx, t, err)
	})
	huma.Register(api, op(http.MethodPost, path+"/preview", "preview-mail-template", policy.TenantWrite, "A letter with samples in it, without saving it"),
		func(ctx context.Context, in *partsInput) (*output[Preview], error) {
			m, err := s.Preview(ctx, in.Kind, in.Locale, in.Body.source())
			return &output[Preview]{Preview{Subject: m.Subject, Text: m.Text, HTML: m.HTML}}, err
		})
	test := httpx.Entitled(op(http.MethodPost, path+"/test", "test-mail-template", policy.TenantWrite, "Send a letter with samples in it to oneself, without saving it"), Feature)
	test.Errors = append(test.Errors, http.StatusConflict, http.StatusTooManyRequests)
	huma.Register(api, test, func(ctx context.Context, in *partsInput) (*output[Tested], error) {
		to, err := s.Test(ctx, in.Kind, in.Locale, in.Body.source())
		return &output[Tested]{Tested{To: to}}, err
	})
}

// summaries are listed by what letters they are, then by language.
func summaries() list.List[Summary] {
	return list.List[Summary]{
		Name: "mail-templates", ID: func(t Summary) string { return t.Kind + "/" + t.Locale }, Named: true, Whole: true,
		Sorts: []list.Sort[Summary]{{Name: "kind", Text: func(t Summary) string { return t.Kind }}},
	}
}

// history is how versions are listed.
func history() list.List[Version] {
	return list.List[Version]{
		Name: "mail-template-versions", ID: func(v Version) string { return strconv.FormatInt(v.Version, 10) }, Named: true, Whole: true,
		Sorts: []list.Sort[Version]{{Name: "version", Down: true, Number: func(v Version) int64 { return v.Version }}},
	}
}

type historyInput struct {
	list.Query
	Address
}

func (s *Service) list(ctx context.Context, in *list.Query) (*output[List], error) {
	scope, _ := tenancy.From(ctx)
	found, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	names, err := s.namesOf(ctx, found)
	if err != nil {
		return nil, err
	}
	own := map[at]Template{}
	for _, t := range found {
		own[at{kind: t.Kind, locale: t.Locale}] = t
	}
	out := List{Kinds: []Kind{}, Languages: []Language{}, Items: []Summary{}}
	err = s.Entitled(ctx, scope.Tenant)
	if out.Entitled = err == nil; err != nil && errs.KindOf(err) != errs.KindForbidden {
		return nil, err
	}
	for _, l := range s.Letter.Book.Locales() {
		out.Languages = append(out.Languages, Language{Tag: l.Tag(), Name: l.Name()})
	}
	ownPool, err := s.OwnPool(ctx, scope.Tenant)
	if err != nil {
		return nil, err
	}
	for _, k := range letter.Kinds() {
		if k.Author == letter.Program {
			continue
		}
		out.Kinds = append(out.Kinds, Kind{Kind: k.Name, Available: ownPool || k.Author != letter.PoolOwner})
		for _, l := range out.Languages {
			t, ok := own[at{kind: k.Name, locale: l.Tag}]
			if !ok {
				t = Template{Kind: k.Name, Locale: l.Tag}
			}
			out.Items = append(out.Items, s.summary(k, t, names))
		}
	}
	return &output[List]{out}, summaries().Into(*in, &out.Items, &out.Next)
}

func (s *Service) summary(k letter.Kind, t Template, names map[uuid.UUID]string) Summary {
	out := Summary{Kind: t.Kind, Locale: t.Locale, Own: !t.Own.Empty(), Version: t.Number, Subject: t.Own.Subject}
	if out.Subject == "" {
		out.Subject = s.Letter.Book.Source(k, t.Locale).Subject
	}
	if problems := t.Own.Check(k); len(problems) > 0 {
		out.Problem = problems[0].Message
	}
	if t.Number > 0 {
		out.ChangedAt = &t.ChangedAt
	}
	if t.ChangedBy != nil {
		out.ChangedBy = names[*t.ChangedBy]
	}
	return out
}

func (s *Service) namesOf(ctx context.Context, found []Template) (map[uuid.UUID]string, error) {
	var authors []uuid.UUID
	for _, t := range found {
		if t.ChangedBy != nil {
			authors = append(authors, *t.ChangedBy)
		}
	}
	return s.Names(ctx, authors)
}

func (s *Service) reply(ctx context.Context, t Template, err error) (*output[View], error) {
	if err != nil {
		return nil, err
	}
	k, err := s.of(t.Kind, t.Locale)
	if err != nil {
		return nil, err
	}
	names, err := s.namesOf(ctx, []Template{t})
	if err != nil {
		return nil, err
	}
	v := View{Summary: s.summary(k, t, names), Parts: parts(t.Own), Default: parts(s.Letter.Book.Source(k, t.Locale)), Variables: []Variable{}}
	for _, each := range k.Variables {
		v.Variables = append(v.Variables, Variable{Name: each.Name, Sample: each.Sample, Required: each.Required, Secret: each.Secret, Link: each.Link})
	}
	return &output[View]{v}, nil
}

func (s *Service) history(ctx context.Context, in *historyInput) (*output[History], error) {
	found, err := s.Versions(ctx, in.Kind, in.Locale)
	if err != nil {
		return nil, err
	}
	names, err := s.namesOf(ctx, found)
	if err != nil {
		return nil, err
	}
	out := History{Items: make([]Version, len(found))}
	for n, t := range found {
		out.Items[n] = Version{Version: t.Number, Parts: parts(t.Own), ChangedAt: t.ChangedAt}
		if t.ChangedBy != nil {
			out.Items[n].ChangedBy = names[*t.ChangedBy]
		}
	}
	return &output[History]{out}, history().Into(in.Query, &out.Items, &out.Next)
}
