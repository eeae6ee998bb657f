package terminal

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/app/terminal/access"
	"github.com/cloudkida/cloudkida/internal/app/terminal/ticket"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// Subprotocol is the version of the terminal protocol that this server speaks.
const Subprotocol = "cloudkida.terminal.v1"

// ticketPrefix marks the offered subprotocol that is the ticket: browsers cannot set any other header. It is never chosen,
// so it is never sent back.
const ticketPrefix = "ticket."

// Register adds the JSON routes.
func (s *Service) Register(api huma.API) {
	op := httpx.Operation(http.MethodPost, "/v1/sessions/{id}/tickets", "create-ticket", policy.SessionUse,
		"Open a terminal or a web port: a ticket that is good once, for 30 seconds", "sessions")
	op.Errors = append(op.Errors, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests)
	huma.Register(api, op, s.createTicket)
}

// Mount adds the WebSocket route.
func (s *Service) Mount(mux *httpx.Mux) {
	mux.HandleFunc("GET /v1/sessions/{id}/terminals/{name}", httpx.ByTicket, s.serve)
}

type createTicketInput struct {
	ID   uuid.UUID `path:"id" doc:"The session"`
	Body struct {
		Kind ticket.Kind `json:"kind" enum:"terminal,port"`
		Port string      `json:"port,omitempty" maxLength:"64" doc:"For kind port: its name in the lab" example:"web"`
	}
}

// Ticket opens one terminal connection, or one web port.
type Ticket struct {
	Ticket    string     `json:"ticket,omitempty" doc:"For kind terminal: offer ticket.<ticket> as a WebSocket subprotocol"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	URL       string     `json:"url,omitempty" doc:"For kind port: open it in a new tab or a frame, once"`
}

type createTicketOutput struct{ Body Ticket }

func (s *Service) createTicket(ctx context.Context, in *createTicketInput) (*createTicketOutput, error) {
	scope, _ := tenancy.From(ctx)
	holder := access.Holder{Tenant: scope.Tenant, User: scope.User, Session: in.ID, By: scope.Hold()}
	ctx, err := s.Access.Check(ctx, holder)
	if err != nil {
		return nil, err
	}
	if in.Body.Kind == ticket.Port {
		url, err := s.Ports.Entrance(ctx, holder, in.Body.Port)
		return &createTicketOutput{Ticket{URL: url}}, err
	}
	secret, expires, err := s.Tickets.Issue(ticket.Grant{Holder: holder, Kind: ticket.Terminal})
	return &createTicketOutput{Ticket{Ticket: secret, ExpiresAt: &expires}}, err
}

// opening is what a browser asks for when it opens a terminal.
type opening struct {
	session uuid.UUID
	ticket  string
	at      sandbox.Attachment
}

var (
	terminalName = regexp.MustCompile(`^[1-9]$`)
	clientID     = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

// parseOpening checks all of a request except whether its ticket is good. It takes the ticket out of the request, so
// that nothing behind it can log it.
func (s *Service) parseOpening(r *http.Request) (opening, error) {
	if origins := r.Header.Values("Origin"); (len(origins) != 1 || origins[0] != s.Origin) && !fault.On(fault.AnyOrigin) {
		return opening{}, ErrOrigin
	}
	o := opening{at: sandbox.Attachment{Name: r.PathValue("name"), Client: r.URL.Query().Get("client")}}
	ours := false
	for offered := range strings.SplitSeq(strings.Join(r.Header.Values("Sec-WebSocket-Protocol"), ","), ",") {
		offered = strings.TrimSpace(offered)
		if secret, ok := strings.CutPrefix(offered, ticketPrefix); ok {
			o.ticket = secret
		}
		ours = ours || offered == Subprotocol
	}
	r.Header.Set("Sec-WebSocket-Protocol", Subprotocol)
	if !ours || o.ticket == "" {
		return opening{}, ErrProtocol
	}
	var wrong []errs.Field
	check := func(ok bool, path, message string) {
		if !ok {
			wrong = append(wrong, errs.Field{Path: path, Message: message})
		}
	}
	var err error
	o.session, err = uuid.Parse(r.PathValue("id"))
	check(err == nil, "path.id", "must be the id of a session")
	check(terminalName.MatchString(o.at.Name), "path.name", "must be 1 to 9")
	check(clientID.MatchString(o.at.Client), "query.client", "must be 1 to 64 letters, digits, _ or -")
	cols, err := queryNumber(r, "cols", 80)
	check(err == nil, "query.cols", "must be a number")
	rows, err := queryNumber(r, "rows", 24)
	check(err == nil, "query.rows", "must be a number")
	o.at.Offset, err = queryNumber(r, "offset", 0)
	check(err == nil, "query.offset", "must be a number")
	o.at.Cols, o.at.Rows = clamp(cols), clamp(rows)
	if len(wrong) > 0 {
		return opening{}, errs.Malformed("invalid_request", "The request has mistakes; see errors.").WithFields(wrong...)
	}
	return o, nil
}

func queryNumber(r *http.Request, name string, missing uint64) (uint64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return missing, nil
	}
	return strconv.ParseUint(text, 10, 64)
}

// clamp moves a number of columns or rows into what terminals have.
func clamp(n uint64) uint16 { return uint16(min(max(n, minSize), maxSize)) }
