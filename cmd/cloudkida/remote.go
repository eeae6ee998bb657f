package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/cloudkida/cloudkida/client"
)

// Exit codes beside 1: what a script may want to tell apart. Kong's own for a wrong command line is 80.
const (
	exitSignIn    = 3
	exitForbidden = 4
	exitNotFound  = 5
	exitConflict  = 6
)

// coded is an error with an exit code.
type coded struct {
	error
	code int
}

// ExitCode is what the program ends with.
func (c coded) ExitCode() int { return c.code }

// Unwrap is the error itself.
func (c coded) Unwrap() error { return c.error }

var (
	errNotSignedIn = coded{errors.New("you are not signed in: run `cloudkida login`"), exitSignIn}
	errToken       = coded{errors.New("the server does not accept the token that was given (--token or CLOUDKIDA_TOKEN): it may have expired, or be of another server"), exitSignIn}
)

// withCode gives what the server said its exit code, and a remedy where it has none.
func withCode(err error) error {
	var e *client.Error
	var unreached *url.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unreached) && unreached.Err != nil && !errors.Is(err, context.Canceled):
		host, _, _ := strings.Cut(unreached.URL, "/v1/")
		return fmt.Errorf("%s does not answer: %w. Is it running, and is --server right?", host, unreached.Err)
	case errors.Is(err, client.ErrSignIn):
		return errNotSignedIn
	case !errors.As(err, &e):
		return err
	case e.Status == http.StatusUnauthorized:
		return coded{fmt.Errorf("%w Run `cloudkida login`.", err), exitSignIn} //nolint:staticcheck,revive // the server's sentences end so
	case e.Status == http.StatusForbidden:
		return coded{err, exitForbidden}
	case e.Status == http.StatusNotFound:
		return coded{err, exitNotFound}
	case e.Status == http.StatusConflict || e.Status == http.StatusPreconditionFailed:
		return coded{err, exitConflict}
	default:
		return err
	}
}

// failed is withCode for whoever may have given a token: signing in does not help where that is not accepted.
func (r remote) failed(err error) error {
	var e *client.Error
	if r.Token != "" && (errors.Is(err, client.ErrSignIn) || errors.As(err, &e) && e.Status == http.StatusUnauthorized) {
		return errToken
	}
	return withCode(err)
}

// remote are the flags of whatever asks a server.
type remote struct {
	Server string `help:"The server's address. Default: the one that was signed in to last." env:"CLOUDKIDA_SERVER" placeholder:"URL"`
	Token  string `help:"Access token instead of a sign-in, such as a machine client's. Better set as the environment variable: arguments are visible to others." env:"CLOUDKIDA_TOKEN" placeholder:"TOKEN"`
	JSON   bool   `name:"json" help:"Print what the server answers, as JSON."`
}

// connect uses the token that was given, or the sign-in that is kept.
func (r remote) connect() (*client.Conn, error) {
	store, err := openCredentials()
	if err != nil {
		return nil, err
	}
	server := r.Server
	var tokens client.Tokens = client.Static(r.Token)
	if r.Token == "" {
		all, err := store.read()
		if err != nil {
			return nil, err
		}
		name, found := all.find(r.Server)
		if !found {
			return nil, errNotSignedIn
		}
		server, tokens = name, kept{store: store, server: name}
	}
	base, err := client.Parse(cmp.Or(server, "http://localhost:8080"))
	if err != nil {
		return nil, err
	}
	return &client.Conn{Server: base, Tokens: tokens}, nil
}

// call asks the server.
func (r remote) call(ctx context.Context, method, path string, body any, header ...string) (answer json.RawMessage, etag string, err error) {
	conn, err := r.connect()
	if err != nil {
		return nil, "", err
	}
	etag, err = conn.Call(ctx, method, path, body, &answer, header...)
	return answer, etag, r.failed(err)
}

// show prints one thing, field by field.
func (r remote) show(ctx context.Context, path string, fields ...string) error {
	return r.do(ctx, http.MethodGet, path, nil, fields...)
}

// do asks for something and prints what came of it.
func (r remote) do(ctx context.Context, method, path string, body any, fields ...string) error {
	answer, _, err := r.call(ctx, method, path, body)
	if err != nil {
		return err
	}
	return r.print(answer, fields...)
}

// print writes one thing: as the server says it, or the named fields.
func (r remote) print(answer json.RawMessage, fields ...string) error {
	if r.JSON {
		return indent(os.Stdout, answer)
	}
	var thing map[string]any
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &thing); err != nil {
			return fmt.Errorf("the server's answer cannot be read: %w", err)
		}
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, f := range fields {
		if text := cell(thing, f); text != "" {
			fmt.Fprintf(out, "%s\t%s\n", f, text)
		}
	}
	return out.Flush()
}

// page is one page of a list.
type page struct {
	Items []json.RawMessage `json:"items"`
	Next  string            `json:"next,omitempty"`
}

// list prints a list, page after page, up to most things.
func (r remote) list(ctx context.Context, path string, most int, columns ...string) error {
	conn, err := r.connect()
	if err != nil {
		return err
	}
	all := page{Items: []json.RawMessage{}}
	mark := "?"
	if strings.Contains(path, "?") {
		mark = "&"
	}
	for cursor := ""; len(all.Items) < most; cursor = all.Next {
		var p page
		address := path
		if cursor != "" {
			address += mark + "cursor=" + cursor
		}
		if _, err := conn.Call(ctx, http.MethodGet, address, nil, &p); err != nil {
			return r.failed(err)
		}
		all.Items, all.Next = append(all.Items, p.Items...), p.Next
		if p.Next == "" {
			break
		}
	}
	all.Items = all.Items[:min(len(all.Items), most)]
	if r.JSON {
		text, err := json.Marshal(all.Items)
		if err != nil {
			return err
		}
		return indent(os.Stdout, text)
	}
	return table(os.Stdout, all, columns)
}

// heading is a field's name as the head of a column: CREATED AT of createdAt, LAB SLUG of lab.slug.
func heading(field string) string {
	var words strings.Builder
	for _, r := range field {
		switch {
		case r == '.':
			words.WriteByte(' ')
		case unicode.IsUpper(r):
			words.WriteByte(' ')
			words.WriteRune(r)
		default:
			words.WriteRune(unicode.ToUpper(r))
		}
	}
	return words.String()
}

func table(to io.Writer, all page, columns []string) error {
	out := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	heads := make([]string, len(columns))
	for i, c := range columns {
		heads[i] = heading(c)
	}
	fmt.Fprintln(out, strings.Join(heads, "\t"))
	for _, item := range all.Items {
		var thing map[string]any
		if err := json.Unmarshal(item, &thing); err != nil {
			return fmt.Errorf("the server's answer cannot be read: %w", err)
		}
		row := make([]string, len(columns))
		for i, c := range columns {
			row[i] = cell(thing, c)
		}
		fmt.Fprintln(out, strings.Join(row, "\t"))
	}
	if all.Next != "" {
		fmt.Fprintln(os.Stderr, "There is more: --limit shows more at once.")
	}
	return out.Flush()
}

// cell is a field of an answer as text; a dot leads into an object. What a server sends may come from anybody: it cannot
// steer the terminal.
func cell(thing map[string]any, field string) string {
	var at any = thing
	for name := range strings.SplitSeq(field, ".") {
		inner, _ := at.(map[string]any)
		at = inner[name]
	}
	switch v := at.(type) {
	case nil:
		return ""
	case []any:
		parts := make([]string, len(v))
		for i, each := range v {
			parts[i] = fmt.Sprint(each)
		}
		return printable(strings.Join(parts, ", "))
	default:
		return printable(fmt.Sprint(v))
	}
}

func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, text)
}

func indent(to io.Writer, text json.RawMessage) error {
	if len(text) == 0 {
		return nil
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	enc := json.NewEncoder(to)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// limits bounds a list.
type limits struct {
	Limit int `help:"Print at most so many." default:"200"`
}
