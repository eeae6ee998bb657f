package identity_test

import (
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

func TestSignUpKeepsWhatThePersonAgreedTo(t *testing.T) {
	t.Parallel()
	e := open(t)
	b, c := e.browser(), e.client()
	page := b.get(c.url(oauth2.SetAuthURLParam("prompt", "create")))
	page = b.submit(b.submit(page, "name", "Ada", "email", "ada@example.com"), "code", e.box.code(t))
	if !strings.Contains(page.body, `you agree to: <a href="https://example.com/terms"`) {
		t.Errorf("the page does not say what one agrees to: %s", page.body)
	}
	b.submit(page, "password", goodPassword)
	e.user("eve@example.com") // made by somebody else: agreed to nothing
	var n int
	var document, version string
	var address []byte
	err := e.db.Owner.QueryRow(t.Context(), `select count(*) over (), document, version, address_hash from identity.consent`).Scan(&n, &document, &version, &address)
	if err != nil || n != 1 || document != "terms" || version != "7" || len(address) != 32 {
		t.Errorf("%d: %s %s, %d bytes, %v", n, document, version, len(address), err)
	}
}
