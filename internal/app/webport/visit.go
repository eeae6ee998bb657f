package webport

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/terminal/access"
	"github.com/cloudkida/cloudkida/internal/app/terminal/ticket"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
)

// ownPaths are ours on every port's origin; the learner's program never sees them.
const (
	ownPaths  = "/__cloudkida/"
	enterPath = ownPaths + "enter"
)

// cookieName is of a cookie that only this very origin can have set, over a connection that nobody reads.
const cookieName = "__Host-cloudkida-port"

// visitTime bounds a cookie. It ends earlier with the session, which every request asks about.
const visitTime = 24 * time.Hour

// A cookie's value is unpadded base64url of tenant, user, what the right is held by, expiry (Unix seconds) and an HMAC-SHA-256 of them and the place.
// Signed rather than stored: it survives a restart of the server, as the lab does.
const (
	visitBytes = 16 + 16 + 16 + 8
	visitText  = ((visitBytes+sha256.Size)*8 + 5) / 6
)

var errNoVisit = errs.Forbidden("port_not_opened", "Open this address from the lab page: the link there lets you in.")

// enter turns a one-time ticket into the cookie.
func (s *Service) enter(w http.ResponseWriter, r *http.Request, at place) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	holder, err := s.Tickets.Redeem(r.URL.Query().Get("ticket"), at.session, ticket.Port, at.port)
	if err != nil {
		s.refuse(w, r, at, err)
		return
	}
	cookie := &http.Cookie{
		Name: cookieName, Value: s.sign(at, holder, time.Now().Add(visitTime)),
		Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if r.Header.Get("Sec-Fetch-Dest") == "iframe" {
		// In a frame of the console, which is another site, only such a cookie is sent; it exists within that frame alone.
		cookie.SameSite, cookie.Partitioned = http.SameSiteNoneMode, true
	}
	http.SetCookie(w, cookie)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// visitor returns who the request's cookie was given to, for this place.
func (s *Service) visitor(r *http.Request, at place) (access.Holder, bool) {
	for _, cookie := range r.CookiesNamed(cookieName) {
		if holder, ok := s.verify(at, cookie.Value, time.Now()); ok {
			return holder, true
		}
	}
	return access.Holder{}, false
}

func (s *Service) sign(at place, h access.Holder, expires time.Time) string {
	b := make([]byte, 0, visitBytes+sha256.Size)
	b = append(b, h.Tenant[:]...)
	b = append(b, h.User[:]...)
	b = append(b, h.By[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(expires.Unix())) //nolint:gosec // years after 1970
	return base64.RawURLEncoding.EncodeToString(append(b, s.mac(at, b)...))
}

func (s *Service) verify(at place, value string, now time.Time) (access.Holder, bool) {
	if len(value) != visitText {
		return access.Holder{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || !hmac.Equal(b[visitBytes:], s.mac(at, b[:visitBytes])) {
		return access.Holder{}, false
	}
	expires := time.Unix(int64(binary.BigEndian.Uint64(b[48:])), 0) //nolint:gosec // signed by us
	return access.Holder{Tenant: uuid.UUID(b[:16]), User: uuid.UUID(b[16:32]), By: uuid.UUID(b[32:48]), Session: at.session}, now.Before(expires) || fault.On(fault.VisitForever)
}

func (s *Service) mac(at place, visit []byte) []byte {
	mac := hmac.New(sha256.New, s.Key)
	mac.Write([]byte("cloudkida port visit 2\x00" + fault.Else(fault.VisitAnywhere, at, place{}).label() + "\x00"))
	mac.Write(visit)
	return mac.Sum(nil)
}

// ours tells whether a cookie's name is the platform's, prefixes and case aside.
func ours(name string) bool {
	name = strings.ToLower(strings.TrimSpace(name))
	name = strings.TrimPrefix(strings.TrimPrefix(name, "__host-"), "__secure-")
	return strings.HasPrefix(name, "cloudkida")
}

// withoutOurs removes the platform's cookies from a Cookie header and leaves the rest as it is.
func withoutOurs(header string) string {
	var kept []string
	for pair := range strings.SplitSeq(header, ";") {
		if name, _, _ := strings.Cut(pair, "="); strings.TrimSpace(pair) != "" && !ours(name) {
			kept = append(kept, strings.TrimSpace(pair))
		}
	}
	return strings.Join(kept, "; ")
}

// maySet tells whether a program on host may set this cookie (a Set-Cookie header's value): one of its own origin, not
// one for all labs or for the console, and not ours.
func maySet(line, host string) bool {
	pair, attributes, _ := strings.Cut(line, ";")
	name, _, named := strings.Cut(pair, "=")
	if !named || strings.TrimSpace(name) == "" || ours(name) {
		return false // a browser sends a cookie without a name as its bare value, which could look like ours
	}
	for attribute := range strings.SplitSeq(attributes, ";") {
		key, value, _ := strings.Cut(attribute, "=")
		if !strings.EqualFold(strings.TrimSpace(key), "domain") {
			continue
		}
		if value = strings.TrimPrefix(strings.TrimSpace(value), "."); value != "" && !strings.EqualFold(value, host) {
			return false
		}
	}
	return true
}
