// Package page renders the hosted pages of sign-in. They need no script, but for passkeys, which browsers give to scripts
// alone: forms, one style sheet, and errors that are tied to their fields.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/cloudkida/cloudkida/internal/app/identity/consent"
	"github.com/cloudkida/cloudkida/internal/app/identity/federation"
	"github.com/cloudkida/cloudkida/internal/app/identity/text"
	"github.com/cloudkida/cloudkida/internal/platform/brand"
	"github.com/cloudkida/cloudkida/internal/platform/words"
)

//go:embed template/*.html
var templates embed.FS

//go:embed style.css
var style []byte

//go:embed passkey.js
var script []byte

// Name is the name of a page.
type Name string

// The pages.
const (
	SignIn Name = "sign-in"
	SignUp Name = "sign-up"
	// The mail is on its way, and what follows it.
	SignUpSent    Name = "sign-up-sent"
	SignUpConfirm Name = "sign-up-confirm"
	ChooseTenant  Name = "choose-tenant"
	Forgot        Name = "forgot"
	ForgotSent    Name = "forgot-sent"
	Setup         Name = "setup"
	Reset         Name = "reset"
	Enter         Name = "enter"
	Changed       Name = "changed"
	SignOut       Name = "sign-out"
	SignedOut     Name = "signed-out"
	Tested        Name = "tested"
	Error         Name = "error"
	// The step after the password, and how people set it up.
	Challenge  Name = "challenge"
	Factors    Name = "factors"
	NewFactor  Name = "factor-new"
	App        Name = "factor-app"
	EmailCode  Name = "factor-email"
	PasskeyNew Name = "factor-passkey"
	Recovery   Name = "recovery-codes"
	Confirm    Name = "confirm"
	Devices    Name = "devices"
	// How people change what they sign in with.
	Address        Name = "address"
	AddressSent    Name = "address-sent"
	AddressConfirm Name = "address-confirm"
	AddressDone    Name = "address-done"
	AddressObject  Name = "address-object"
	Password       Name = "password"
	PasswordDone   Name = "password-done"
)

func names() []Name {
	return []Name{
		SignIn, SignUp, SignUpSent, SignUpConfirm, ChooseTenant, Forgot, ForgotSent, Setup, Reset, Enter, Changed, SignOut, SignedOut, Tested, Error,
		Challenge, Factors, NewFactor, App, EmailCode, PasskeyNew, Recovery, Confirm, Devices,
		Address, AddressSent, AddressConfirm, AddressDone, AddressObject, Password, PasswordDone,
		Device, DeviceConfirm, DeviceDone, Consent,
	}
}

// scripted tells whether a page has our script: passkeys need one, nothing else does.
func scripted(n Name) bool {
	return n == SignIn || n == Challenge || n == PasskeyNew || n == Confirm
}

// Data is what a page shows. Fields that a page has no use for stay empty.
type Data struct {
	Base   string       // path of the user pool's pages, such as /pools/default
	Home   string       // address of the console
	Action string       // where the form goes, within Base
	Token  string       // proves that the form came from our page
	Link   string       // the token of a one-time link
	Query  template.URL // the authorization request, for links between pages
	Name   string       // as it was typed
	Email  string       // as it was typed, or whose account it is
	// Account is the address of whose account it is, where Email is another one.
	Account string
	Errors  map[string]string // what is wrong, by field: name, email, current, password; "form" for the whole
	SignUp  bool              // people may sign up by themselves
	Title   string            // of the error page
	Detail  string            // of the error page: what happened and what to do
	Tenant  string            // whose portal this is
	Steps   Steps             // of the pages about the step after the password
	// Passkeys tells whether browsers allow passkeys at this address.
	Passkeys bool
	Doors    []federation.Door // the organisation's own identity providers
	Only     bool              // nobody but owners signs in otherwise
	// Documents are what people agree to when they make an account.
	Documents   []consent.Document
	PasswordMin int     // fewest characters of a new password
	Program     Program // that asks to be let in
	Choices     []Door  // organisations to choose from
	Mailbox     bool    // no mail server is set: an operator hands letters on
	Locale      words.Locale
	Brand       brand.Brand // whose pages these are
	Request     string      // of the error page: what its operator finds it by
	Address     *url.URL    // of the page itself
}

// Renderer renders pages.
type Renderer struct {
	Words  *words.Catalogue
	pages  map[Name]*template.Template
	assets map[string]asset // by file name, which changes with the content
}

type asset struct {
	kind string
	text []byte
}

// fileName is one that changes with the content.
func fileName(name, ext string, text []byte) string {
	sum := sha256.Sum256(text)
	return name + "." + hex.EncodeToString(sum[:6]) + ext
}

// New reads the templates.
func New() (*Renderer, error) {
	css, js := fileName("style", ".css", style), fileName("passkey", ".js", script)
	catalogue, err := text.New()
	if err != nil {
		return nil, err
	}
	r := &Renderer{Words: catalogue, pages: map[Name]*template.Template{}, assets: map[string]asset{
		css: {"text/css; charset=utf-8", style}, js: {"text/javascript; charset=utf-8", script},
	}}
	layout, err := template.New("layout.html").Funcs(template.FuncMap{
		"style":     func() string { return css },
		"script":    func() string { return js },
		"languages": func(d Data) []Language { return d.Languages(catalogue.Locales()) },
		"field":     func(d Data, name string) field { return field{Data: d, Field: name} },
	}).ParseFS(templates, "template/layout.html", "template/parts.html")
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	for _, name := range names() {
		copied, err := layout.Clone()
		if err == nil {
			r.pages[name], err = copied.ParseFS(templates, "template/"+string(name)+".html")
		}
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", name, err)
		}
	}
	return r, nil
}

// field is one field of a form with what it needs from its page.
type field struct {
	Data
	Field string
}

// Error is what is wrong with the field.
func (f field) Error() string { return f.Errors[f.Field] }

// Focus tells whether the cursor belongs into this field: the first that is wrong, else the first that is empty.
func (f field) Focus() bool { return f.Data.Focus() == f.Field }

// Focus is the field that needs the person next.
func (d Data) Focus() string {
	order := []string{"name", "email", "current", "password"}
	for _, name := range order {
		if d.Errors[name] != "" {
			return name
		}
	}
	if d.Errors["form"] != "" || d.Email != "" {
		return "password"
	}
	return "first"
}

// contentPolicy allows nothing but our style sheet and forms to ourselves.
const contentPolicy = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// policy is the content policy of one page.
func (d Data) policy(name Name) string {
	policy := contentPolicy
	if origin := d.leadsTo(); origin != "" {
		// Browsers hold what a form leads to against the policy as well, redirects included.
		policy = strings.Replace(policy, "form-action 'self'", "form-action 'self' "+origin, 1)
	}
	if scripted(name) {
		policy += "; script-src 'self'; connect-src 'self'"
	}
	return policy
}

// Render writes a page with a status.
func (r *Renderer) Render(w http.ResponseWriter, status int, name Name, d Data) error {
	var body bytes.Buffer
	if err := r.pages[name].Execute(&body, d); err != nil {
		return fmt.Errorf("render page %s: %w", name, err)
	}
	Protect(w.Header())
	w.Header().Set("Content-Security-Policy", d.policy(name))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // the client may be gone; nobody else to tell
	return nil
}

// Protect sets the headers of every answer of sign-in: not stored, not framed, no scripts, no address told to others.
func Protect(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// ServeAsset serves the style sheet and the script; their names change with their content, so browsers may keep them.
func (r *Renderer) ServeAsset(w http.ResponseWriter, req *http.Request) {
	found, ok := r.assets[strings.ToLower(req.PathValue("file"))]
	if !ok {
		http.NotFound(w, req)
		return
	}
	w.Header().Set("Content-Type", found.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(found.text) // the client may be gone
}
