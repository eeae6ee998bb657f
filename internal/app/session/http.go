package session

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/check"
	"github.com/cloudkida/cloudkida/internal/app/lab/guide"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

const tag = "sessions"

// API serves sessions to the console and to programs.
type API struct {
	*Service
	// People names the learners of a list, for those who may see everybody's sessions.
	People func(ctx context.Context, users []uuid.UUID) (map[uuid.UUID]Learner, error)
	// Still tells whether the caller's rights hold; event streams ask every few seconds.
	Still func(ctx context.Context) error
}

// Register adds the routes.
func (a *API) Register(api huma.API) {
	get := func(path, id, summary string) huma.Operation {
		return httpx.Operation(http.MethodGet, path, id, policy.SessionUse, summary, tag)
	}
	post := func(path, id, summary string) huma.Operation {
		return httpx.Operation(http.MethodPost, path, id, policy.SessionUse, summary, tag)
	}
	start := httpx.Operation(http.MethodPost, "/v1/sessions", "start-session", policy.SessionStart,
		"Start a lab, or return to the session of it that runs", tag)
	start.DefaultStatus = http.StatusCreated
	huma.Register(api, start, a.start)
	huma.Register(api, sessions().Operation(get("/v1/sessions", "list-sessions", "My sessions, or everybody's")), a.list)
	huma.Register(api, get("/v1/sessions/{id}", "get-session", "One session"), a.get)
	huma.Register(api, get("/v1/sessions/{id}/guide", "get-guide", "The instructions, as HTML"), a.guide)
	huma.Register(api, get("/v1/sessions/{id}/env", "get-session-env", "Variables that the setup wrote for the instructions"), a.env)
	huma.Register(api, httpx.Streaming(get("/v1/sessions/{id}/events", "follow-session", "Everything that changes, as server-sent events")), a.events)
	huma.Register(api, post("/v1/sessions/{id}/extend", "extend-session", "More time"), a.then(a.Extend))
	huma.Register(api, post("/v1/sessions/{id}/end", "end-session", "End it, with its environment"), a.then(a.End))
	huma.Register(api, post("/v1/sessions/{id}/restart", "restart-session", "Start over with a fresh environment"), a.then(a.Restart))
	huma.Register(api, post("/v1/sessions/{id}/checks/{step}/{name}/run", "run-check", "Run a check now"), a.runCheck)
	huma.Register(api, post("/v1/sessions/{id}/steps/{step}/quiz", "answer-quiz", "Answer the quiz of a step"), a.quiz)
	huma.Register(api, post("/v1/sessions/{id}/steps/{step}/hints/{hint}/reveal", "reveal-hint", "Show a hint, at its cost"), a.reveal)
	solution := get("/v1/sessions/{id}/steps/{step}/solution", "get-solution", "The solution of a step, once it is offered")
	solution.Errors = append(solution.Errors, http.StatusConflict)
	huma.Register(api, solution, a.solution)
	files := post("/v1/sessions/{id}/files", "write-file", "Write a file in the environment, as the learner")
	files.DefaultStatus = http.StatusNoContent
	huma.Register(api, files, a.writeFile)
}

type idInput struct {
	ID uuid.UUID `path:"id"`
}

type viewOutput struct {
	Status int
	Body   View
}

type startInput struct {
	Body struct {
		Lab string `json:"lab" minLength:"1" maxLength:"100" doc:"The lab's slug" example:"linux-permissions"`
	}
}

func (a *API) start(ctx context.Context, in *startInput) (*viewOutput, error) {
	started, created, err := a.Start(ctx, in.Body.Lab)
	if err != nil {
		return nil, err
	}
	v, err := a.View(ctx, started.ID)
	out := &viewOutput{Status: http.StatusOK, Body: v}
	if created {
		out.Status = http.StatusCreated
	}
	return out, err
}

func (a *API) get(ctx context.Context, in *idInput) (*viewOutput, error) {
	v, err := a.View(ctx, in.ID)
	return &viewOutput{Status: http.StatusOK, Body: v}, err
}

// then turns an action on a session into a handler that answers with the session after it.
func (a *API) then(action func(context.Context, uuid.UUID) (Session, error)) func(context.Context, *idInput) (*viewOutput, error) {
	return func(ctx context.Context, in *idInput) (*viewOutput, error) {
		after, err := action(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		return a.get(ctx, &idInput{ID: after.ID})
	}
}

// Learner is who runs a session.
type Learner struct {
	ID    uuid.UUID `json:"id"`
	Name  string    `json:"name"`
	Email string    `json:"email"`
}

// Summary is a session in a list.
type Summary struct {
	ID        uuid.UUID  `json:"id"`
	Lab       LabRef     `json:"lab"`
	State     State      `json:"state" enum:"requested,admitted,provisioning,ready,ending,ended,failed"`
	CreatedAt time.Time  `json:"createdAt"`
	ReadyAt   *time.Time `json:"readyAt,omitempty"`
	EndedAt   *time.Time `json:"endedAt,omitempty"`
	Deadline  *time.Time `json:"deadline,omitempty"`
	Completed bool       `json:"completed"`
	Score     int        `json:"score"`
	Points    int        `json:"points"`
	Progress  Progress   `json:"progress"`
	Learner   *Learner   `json:"learner,omitempty"`
}

type listInput struct {
	Scope string `query:"scope" enum:"mine,all" default:"mine" doc:"One's own, or everybody's for those who may see them"`
	State string `query:"state" enum:"active,ended,any" default:"any" doc:"Only those that are under way, or only those that are over"`
	list.Query
}

// Page is one page of a list of sessions.
type Page struct {
	Items []Summary `json:"items"`
	Next  string    `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

type listOutput struct{ Body Page }

func (a *API) list(ctx context.Context, in *listInput) (*listOutput, error) {
	at, err := sessions().At(in.Query)
	if err != nil {
		return nil, err
	}
	f := ListFilter{All: in.Scope == "all", At: at}
	if in.State != "any" {
		active := in.State == "active"
		f.Active = &active
	}
	found, next, err := a.List(ctx, f)
	if err != nil {
		return nil, err
	}
	out := &listOutput{}
	out.Body.Next = next
	out.Body.Items = make([]Summary, 0, len(found))
	for _, l := range found {
		out.Body.Items = append(out.Body.Items, summary(l))
	}
	if f.All {
		return out, a.name(ctx, found, out.Body.Items)
	}
	return out, nil
}

func (a *API) name(ctx context.Context, found []Listed, items []Summary) error {
	users := make([]uuid.UUID, len(found))
	for i := range found {
		users[i] = found[i].User
	}
	people, err := a.People(ctx, users)
	if err != nil {
		return err
	}
	for i := range items {
		if p, ok := people[found[i].User]; ok {
			items[i].Learner = &p
		}
	}
	return nil
}

func summary(l Listed) Summary {
	v := view(l.Session, l.Lab, l.Results)
	return Summary{
		ID: v.ID, Lab: v.Lab, State: v.State, CreatedAt: v.CreatedAt, ReadyAt: v.ReadyAt, EndedAt: v.EndedAt,
		Deadline: v.Deadline, Completed: v.Completed, Score: v.Score, Points: v.Points, Progress: v.Progress,
	}
}

type guideOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Steps []guide.Step `json:"steps"`
	}
}

func (a *API) guide(ctx context.Context, in *idInput) (*guideOutput, error) {
	_, version, err := a.load(ctx, policy.SessionUse, in.ID)
	if err != nil {
		return nil, err
	}
	out := &guideOutput{CacheControl: "private, max-age=3600"}
	out.Body.Steps = version.Guide
	return out, nil
}

type envOutput struct{ Body map[string]string }

func (a *API) env(ctx context.Context, in *idInput) (*envOutput, error) {
	found, err := a.Get(ctx, in.ID)
	return &envOutput{Body: found.Env}, err
}

type checkInput struct {
	ID   uuid.UUID `path:"id"`
	Step int       `path:"step" minimum:"0" maximum:"100"`
	Name string    `path:"name" maxLength:"100"`
}

type checkOutput struct{ Body CheckView }

func (a *API) runCheck(ctx context.Context, in *checkInput) (*checkOutput, error) {
	if err := a.RunCheck(ctx, in.ID, check.Key{Step: in.Step, Name: in.Name}); err != nil {
		return nil, err
	}
	v, err := a.View(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	for _, c := range v.Checks {
		if c.Step == in.Step && c.Name == in.Name {
			return &checkOutput{Body: c}, nil
		}
	}
	return nil, ErrNoStep
}

type quizInput struct {
	ID   uuid.UUID `path:"id"`
	Step int       `path:"step" minimum:"0" maximum:"100"`
	Body struct {
		Answers [][]int `json:"answers" maxItems:"50" doc:"For each question the indexes of the chosen answers"`
	}
}

type quizOutput struct {
	Body struct {
		Right []bool `json:"right" doc:"For each question whether the choice is right"`
	}
}

func (a *API) quiz(ctx context.Context, in *quizInput) (*quizOutput, error) {
	right, err := a.Answer(ctx, in.ID, in.Step, in.Body.Answers)
	out := &quizOutput{}
	out.Body.Right = right
	return out, err
}

type hintInput struct {
	ID   uuid.UUID `path:"id"`
	Step int       `path:"step" minimum:"0" maximum:"100"`
	Hint int       `path:"hint" minimum:"0" maximum:"100"`
}

type htmlOutput struct {
	Body struct {
		HTML string `json:"html"`
	}
}

func (a *API) reveal(ctx context.Context, in *hintInput) (*htmlOutput, error) {
	html, err := a.Reveal(ctx, in.ID, in.Step, in.Hint)
	out := &htmlOutput{}
	out.Body.HTML = html
	return out, err
}

type stepInput struct {
	ID   uuid.UUID `path:"id"`
	Step int       `path:"step" minimum:"0" maximum:"100"`
}

func (a *API) solution(ctx context.Context, in *stepInput) (*htmlOutput, error) {
	script, err := a.Solution(ctx, in.ID, in.Step)
	out := &htmlOutput{}
	out.Body.HTML = guide.Script(script)
	return out, err
}

type fileInput struct {
	ID   uuid.UUID `path:"id"`
	Body struct {
		Path    string `json:"path" minLength:"1" maxLength:"500" doc:"Below the learner's home; ~/ is the home"`
		Content string `json:"content" maxLength:"262144"`
	}
}

func (a *API) writeFile(ctx context.Context, in *fileInput) (*struct{}, error) {
	return nil, a.WriteFile(ctx, in.ID, in.Body.Path, in.Body.Content)
}

// owns tells whether the caller is the session's learner.
func (s *Service) owns(ctx context.Context, found Session) bool {
	scope, _ := tenancy.From(ctx)
	return scope.User == found.User
}

var errPath = errs.Invalid("bad_path", "Name a file below the home directory, such as ~/notes.txt.")
