package webport

import (
	"bytes"
	"crypto/rand"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

var errUnknown = errs.NotFound("port_not_found", "There is no lab at this address.")

// page is what a person sees instead of the program's answer. It needs no script: it reloads by a meta element.
var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
{{- if .Reload}}
<meta http-equiv="refresh" content="2">
{{- end}}
<style nonce="{{.Nonce}}">
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { display: grid; place-content: center; min-height: 90vh; margin: 0; padding: 1rem; text-align: center }
h1 { font-size: 1.4rem }
</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
{{- if .Reload}}
<p>This page reloads by itself.</p>
{{- end}}
{{- if .Lab}}
<p><a href="{{.Lab}}" target="_top">Go to the lab page</a></p>
{{- end}}
</main>
</body>
</html>
`))

type pageData struct {
	Nonce  string // of the content policy
	Title  string
	Text   string
	Reload bool
	Lab    string // address of the lab page
}

func (s *Service) unknown(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, r, place{}, errUnknown)
}

// refuse answers with a page, or with a problem to programs. at may be the zero place.
func (s *Service) refuse(w http.ResponseWriter, r *http.Request, at place, err error) {
	problem := httpx.ProblemOf(r.Context(), err)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	nonce := rand.Text()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-"+nonce+"'; base-uri 'none'; form-action 'none'; "+s.ancestors())
	soon := problem.Status == http.StatusServiceUnavailable
	if soon {
		h.Set("Retry-After", "2")
	}
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		httpx.WriteProblem(w, r, err)
		return
	}
	data := pageData{Nonce: nonce, Title: title(err), Text: problem.Detail, Reload: soon && r.Method == http.MethodGet}
	if at != (place{}) {
		data.Lab = s.Console.JoinPath("sessions", at.session.String()).String()
	}
	var body bytes.Buffer
	if err := page.Execute(&body, data); err != nil { // never: the data are plain
		httpx.WriteProblem(w, r, err)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(problem.Status)
	_, _ = w.Write(body.Bytes()) // the browser may be gone; nobody else to tell
}

func title(err error) string {
	switch {
	case errors.Is(err, errNothing):
		return "Nothing here yet"
	case errors.Is(err, errBadAnswer):
		return "No good answer"
	}
	switch errs.KindOf(err) {
	case errs.KindNotFound, errs.KindConflict:
		return "Not found"
	case errs.KindForbidden, errs.KindUnauthenticated:
		return "Not open"
	case errs.KindInternal, errs.KindMalformed, errs.KindTooLarge, errs.KindInvalid, errs.KindLimited, errs.KindUnavailable,
		errs.KindUnsupported, errs.KindTimeout, errs.KindMethod, errs.KindAddressLong, errs.KindHeadersLarge, errs.KindChanged, errs.KindUnconditional:
	}
	return "Try again soon"
}
