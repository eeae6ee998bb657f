package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/lab/manifest"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
)

const (
	tag       = "labs"
	maxUpload = manifest.MaxBytes
	pushTime  = 2 * time.Minute
)

// Register adds the routes.
func (s *Service) Register(api huma.API) {
	huma.Register(api, labs().Operation(httpx.Operation(http.MethodGet, "/v1/labs", "list-labs", policy.LabRead, "The catalogue", tag)), s.list)
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/labs/{slug}", "get-lab", policy.LabRead, "One lab", tag), s.get)
	push := httpx.Weighing(httpx.Operation(http.MethodPost, "/v1/labs", "push-lab", policy.LabWrite, "Publish a lab as a new version", tag), 5)
	push.Description = "The body is a tar.gz of the lab's directory. The same content again makes no new version."
	push.DefaultStatus = http.StatusCreated
	push.Errors = append(push.Errors, http.StatusRequestEntityTooLarge)
	push.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/gzip": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
	}}
	huma.Register(api, push, s.push)
}

// Summary is a lab in the catalogue.
type Summary struct {
	Slug            string         `json:"slug" example:"linux-permissions"`
	Title           string         `json:"title"`
	Summary         string         `json:"summary"`
	Level           manifest.Level `json:"level" enum:"beginner,intermediate,advanced"`
	DurationSeconds int            `json:"durationSeconds" doc:"A session's time limit"`
	Tags            []string       `json:"tags"`
	StepCount       int            `json:"stepCount"`
	Points          int            `json:"points" doc:"The most that can be scored"`
	Version         int            `json:"version"`
}

// Detail is a lab with what it is about.
type Detail struct {
	Summary
	StepTitles []string `json:"stepTitles"`
	Requires   []string `json:"requires" doc:"Commands that its image must have"`
	Ports      []Port   `json:"ports" doc:"Web ports that can be opened while it runs"`
	Locales    []string `json:"locales"`
}

// Port is a web port of a lab.
type Port struct {
	Name string `json:"name"`
	Port int    `json:"port"`
}

type listInput struct {
	Words string `query:"q" maxLength:"200" doc:"Words in the title, summary or tags"`
	Tag   string `query:"tag" maxLength:"64"`
	Level string `query:"level" enum:"beginner,intermediate,advanced"`
	list.Query
}

type listOutput struct {
	Body struct {
		Items []Summary  `json:"items"`
		Next  string     `json:"next,omitempty"`
		Tags  []TagCount `json:"tags" doc:"Tags of the labs that match, whatever tag was asked for"`
	}
}

func (s *Service) list(ctx context.Context, in *listInput) (*listOutput, error) {
	at, err := labs().At(in.Query)
	if err != nil {
		return nil, err
	}
	f := Filter{Query: in.Words, Tag: in.Tag, Level: manifest.Level(in.Level), At: at, Limit: at.Limit}
	found, last, err := s.List(ctx, f)
	if err != nil {
		return nil, err
	}
	tags, err := s.Tags(ctx, f)
	if err != nil {
		return nil, err
	}
	out := &listOutput{}
	out.Body.Items, out.Body.Tags = make([]Summary, len(found)), append([]TagCount{}, tags...)
	for i, l := range found {
		out.Body.Items[i] = summary(l)
	}
	if last != nil {
		out.Body.Next = labs().Next(at, *last)
	}
	return out, nil
}

// List returns one page of the catalogue, and the lab to go on after unless it is the last page.
func (s *Service) List(ctx context.Context, f Filter) (found []Lab, last *Lab, err error) {
	page, err := db.PageInTenant(ctx, s.DB, policy.LabRead, f.Limit, f.listSQL(), func(after *Lab, limit int) pgx.NamedArgs {
		f.Limit = limit
		if after != nil {
			f.At = labs().After(f.At, *after)
		}
		return f.args(ctx)
	}, scanLab)
	if err != nil {
		return nil, nil, fmt.Errorf("list labs: %w", err)
	}
	return page.Rows, page.Last, nil
}

// Tags counts the tags of the labs that match, whatever tag the filter has: the most frequent ones.
func (s *Service) Tags(ctx context.Context, f Filter) ([]TagCount, error) {
	labs, err := db.ReadInTenant(ctx, s.DB, policy.LabRead, f.tagsSQL(), f.args(ctx), scanTagged)
	if err != nil {
		return nil, fmt.Errorf("count tags: %w", err)
	}
	counts := map[string]int{}
	for _, l := range labs {
		for _, tag := range l.Tags {
			counts[tag]++
		}
	}
	list := make([]TagCount, 0, len(counts))
	for tag, n := range counts {
		list = append(list, TagCount{Tag: tag, Count: n})
	}
	slices.SortFunc(list, func(a, b TagCount) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Tag, b.Tag)) })
	return list[:min(len(list), maxTags)], nil
}

type getInput struct {
	Slug string `path:"slug" maxLength:"63"`
}

type getOutput struct{ Body Detail }

func (s *Service) get(ctx context.Context, in *getInput) (*getOutput, error) {
	l, err := s.Get(ctx, in.Slug)
	if err != nil {
		return nil, err
	}
	return &getOutput{Body: Detail{
		Summary: summary(l), StepTitles: append([]string{}, l.Steps...), Requires: append([]string{}, l.Requires...),
		Ports: append([]Port{}, l.Ports...), Locales: append([]string{}, l.Locales...),
	}}, nil
}

func summary(l Lab) Summary {
	return Summary{
		Slug: l.Slug, Title: l.Title, Summary: l.Summary, Level: l.Level, DurationSeconds: l.DurationSeconds,
		Tags: append([]string{}, l.Tags...), StepCount: len(l.Steps), Points: l.Points, Version: l.Version,
	}
}

// pushInput takes the body as a stream: it is unpacked as it arrives, and never held packed.
type pushInput struct {
	body io.Reader
}

// Resolve implements huma.Resolver.
func (in *pushInput) Resolve(hctx huma.Context) []error {
	in.body = hctx.BodyReader()
	if err := hctx.SetReadDeadline(time.Now().Add(pushTime)); err != nil {
		return []error{err}
	}
	return nil
}

type pushOutput struct {
	Status int
	Body   struct {
		Slug    string `json:"slug"`
		Version int    `json:"version"`
		Created bool   `json:"created" doc:"false: the latest version has this very content"`
	}
}

func (s *Service) push(ctx context.Context, in *pushInput) (*pushOutput, error) {
	body := &bounded{r: in.body, left: maxUpload}
	tree, err := manifest.Unpack(body)
	switch {
	case body.over:
		return nil, ErrTooLarge
	case errors.Is(err, manifest.ErrArchive):
		return nil, ErrArchive.Because("The body must be a tar.gz of the lab's directory: %s.", err)
	case err != nil:
		return nil, err
	}
	published, err := s.Publish(ctx, tree)
	if err != nil {
		return nil, err
	}
	out := &pushOutput{Status: http.StatusOK}
	if published.Created {
		out.Status = http.StatusCreated
	}
	out.Body.Slug, out.Body.Version, out.Body.Created = published.Slug, published.Version, published.Created
	return out, nil
}

// bounded reads at most left bytes; over tells that there were more.
type bounded struct {
	r    io.Reader
	left int64
	over bool
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		b.over = true
		return 0, ErrTooLarge
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
