package httpx_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

func TestEveryAnswerIsClosed(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		h := httpx.SecurityHeaders(http.NotFoundHandler(), "default-src 'none'", secure)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/x", http.NoBody))
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Referrer-Policy": "strict-origin-when-cross-origin", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		hsts := w.Header().Get("Strict-Transport-Security")
		if secure != (hsts == "max-age=63072000; includeSubDomains") || !strings.Contains(w.Header().Get("Permissions-Policy"), "camera=()") {
			t.Errorf("https %t: %v", secure, w.Header())
		}
	}
}
