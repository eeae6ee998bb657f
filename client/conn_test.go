package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/cloudkida/cloudkida/client"
)

// renewing gives a new token when one was refused.
type renewing struct{ asked atomic.Int64 }

func (r *renewing) Token(_ context.Context, refused string) (string, error) {
	r.asked.Add(1)
	if refused == "old" {
		return "new", nil
	}
	return "old", nil
}

func TestABusyServerIsAskedAgainWithTheSameKeyAndBody(t *testing.T) {
	t.Parallel()
	var seen []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, r.Header.Get("Authorization")+" "+r.Header.Get("Idempotency-Key")+" "+string(body))
		switch len(seen) {
		case 1:
			w.WriteHeader(http.StatusUnauthorized)
		case 2:
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			w.Header().Set("ETag", `"1"`)
			_, _ = w.Write([]byte(`{"done":true}`))
		}
	}))
	defer s.Close()
	base, err := client.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	var out struct{ Done bool }
	etag, err := (&client.Conn{Server: base, Tokens: &renewing{}}).Call(t.Context(), http.MethodPost, "/v1/x", map[string]int{"a": 1}, &out)
	if err != nil || !out.Done || etag != `"1"` || len(seen) != 3 {
		t.Fatalf("%v %v %q", err, out, seen)
	}
	if seen[1] != seen[2] || seen[1][:10] != "Bearer new" || seen[0][10:] != seen[1][10:] {
		t.Errorf("not the same request: %q", seen)
	}
}

func TestProblemsAreErrors(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600") // longer than anybody waits
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write([]byte(`{"code":"too_many_requests","detail":"Wait an hour.","errors":[{"location":"body.a","message":"bad"}]}`))
	}))
	defer s.Close()
	base, _ := client.Parse(s.URL)
	_, err := (&client.Conn{Server: base}).Call(t.Context(), http.MethodGet, "/v1/x", nil, nil)
	var e *client.Error
	if !errors.As(err, &e) || e.Status != 429 || e.Code != "too_many_requests" || e.Error() != "Wait an hour.\n  body.a: bad" {
		t.Errorf("%v", err)
	}
}

func TestTokensGoNowhereElse(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"http://labs.example.com", "ftp://localhost", "localhost:8080", "https://user@labs.example.com", ""} {
		if _, err := client.Parse(bad); !errors.Is(err, client.ErrAddress) {
			t.Errorf("%q is taken: %v", bad, err)
		}
	}
	base, err := client.Parse("https://labs.example.com/some/path")
	if err != nil || base.String() != "https://labs.example.com" {
		t.Fatal(base, err)
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://other.example.com/v1/me", nil)
	if resp, err := (&client.Conn{Server: base, Tokens: client.Static("secret")}).Do(req); err == nil {
		_ = resp.Body.Close()
		t.Error("sent to another server")
	}
}
