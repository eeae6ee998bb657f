package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// Flags of authenticator data (WebAuthn, 6.1).
const (
	present  = 1 << 0
	verified = 1 << 2
	attested = 1 << 6
)

// passkey is an authenticator with one credential, of ES256 and without an attestation. What it says can be changed.
type passkey struct {
	t       testing.TB
	private *ecdsa.PrivateKey
	id      []byte
	handle  []byte // of whom it was made for
	counter uint32
	flags   byte
	site    string // the relying party's id
	origin  string // what the browser says where it is
	kind    string // what the browser says that it does; "": the right thing
}

// passkey returns an authenticator beside a browser that is at the installation's own address.
func (e *env) passkey() *passkey {
	e.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		e.t.Fatal(err)
	}
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	return &passkey{t: e.t, private: private, id: id, flags: present | verified, site: "localhost", origin: e.server.URL}
}

// with is a copy that says something else.
func (p *passkey) with(change func(*passkey)) *passkey {
	other := *p
	change(&other)
	return &other
}

// options are what a page's script gets from the program.
type options struct {
	Challenge string `json:"challenge"`
	RPID      string `json:"rpId"`
	User      struct {
		ID string `json:"id"`
	} `json:"user"`
	Verification string `json:"userVerification"`
}

func (p *passkey) client(kind, challenge string) []byte {
	if p.kind != "" {
		kind = p.kind
	}
	text, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": p.origin, "crossOrigin": false})
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// data is what the authenticator says of itself. It counts each time.
func (p *passkey) data(flags byte) []byte {
	p.counter++
	site := sha256.Sum256([]byte(p.site))
	return binary.BigEndian.AppendUint32(append(site[:], flags), p.counter)
}

func (p *passkey) answer(response map[string]string) string {
	id := base64.RawURLEncoding.EncodeToString(p.id)
	text, err := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "clientExtensionResults": map[string]any{}, "response": response})
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// create makes the credential.
func (p *passkey) create(o options) string {
	p.t.Helper()
	handle, err := base64.RawURLEncoding.DecodeString(o.User.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	p.handle = handle
	point, err := p.private.PublicKey.Bytes()
	if err != nil {
		p.t.Fatal(err)
	}
	const size = 32
	key, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1 : 1+size], -3: point[1+size:]})
	if err != nil {
		p.t.Fatal(err)
	}
	data := append(p.data(p.flags|attested), make([]byte, 16)...) // of no known make
	data = binary.BigEndian.AppendUint16(data, uint16(len(p.id))) //nolint:gosec // 32
	data = append(append(data, p.id...), key...)
	object, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	if err != nil {
		p.t.Fatal(err)
	}
	return p.answer(map[string]string{
		"clientDataJSON":    base64.RawURLEncoding.EncodeToString(p.client("webauthn.create", o.Challenge)),
		"attestationObject": base64.RawURLEncoding.EncodeToString(object),
	})
}

// get shows the credential.
func (p *passkey) get(o options) string {
	p.t.Helper()
	client, data := p.client("webauthn.get", o.Challenge), p.data(p.flags)
	sum := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, data...), sum[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, p.private, digest[:])
	if err != nil {
		p.t.Fatal(err)
	}
	return p.answer(map[string]string{
		"clientDataJSON":    base64.RawURLEncoding.EncodeToString(client),
		"authenticatorData": base64.RawURLEncoding.EncodeToString(data),
		"signature":         base64.RawURLEncoding.EncodeToString(signature),
		"userHandle":        base64.RawURLEncoding.EncodeToString(p.handle),
	})
}

var passkeyForm = regexp.MustCompile(`<form[^>]* action="([^"]*)" data-passkey="([^"]*)"`)

// ask does what the page's script does: it gets what the authenticator is to answer.
func (b *browser) ask(v view) (o options, answer func(credential string) view) {
	b.t.Helper()
	form := passkeyForm.FindStringSubmatch(v.body)
	if form == nil {
		b.t.Fatalf("%d %s asks for no passkey:\n%s", v.status, v.url, v.body)
	}
	_, fields := v.form(b.t)
	got := b.post(html.UnescapeString(form[2]), url.Values{"token": fields["token"]})
	var decoded struct{ PublicKey options }
	if err := json.Unmarshal([]byte(got.body), &decoded); err != nil || got.status != http.StatusOK {
		b.t.Fatalf("options: %d %s", got.status, got.body)
	}
	return decoded.PublicKey, func(credential string) view {
		b.t.Helper()
		return b.post(html.UnescapeString(form[1]), url.Values{"token": fields["token"], "use": {"passkey"}, "credential": {credential}, "name": {"Key"}})
	}
}

// withPasskey makes a person with a passkey, who is signed in to b.
func (e *env) withPasskey(email string) (b *browser, p *passkey) {
	e.t.Helper()
	e.user(email)
	b, p = e.browser(), e.passkey()
	e.signIn(b, e.client(), email)
	o, answer := b.ask(b.get("/pools/default/factors/passkey"))
	if v := answer(p.create(o)); v.status != http.StatusOK || e.passkeys(email) != 1 {
		e.t.Fatalf("make a passkey: %d %s\n%s", v.status, v.url, v.body)
	}
	return b, p
}

// passkeys counts those that are stored.
func (e *env) passkeys(email string) (n int) {
	e.t.Helper()
	err := e.db.Owner.QueryRow(e.t.Context(), `
		select count(*) from identity.factor f join identity."user" u on u.id = f.user_id where f.kind = 'passkey' and u.email = $1`, email).Scan(&n)
	if err != nil {
		e.t.Fatal(err)
	}
	return n
}
