package httpx_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

func TestProxiesAreBelievedAboutWhomTheySpeakFor(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:7::/48")}
	for name, c := range map[string]struct{ peer, forwarded, want string }{
		"no proxy":                         {"203.0.113.7:1", "", "203.0.113.7"},
		"somebody who claims to be one":    {"203.0.113.7:1", "198.51.100.1", "203.0.113.7"},
		"on this machine":                  {"127.0.0.1:1", "198.51.100.1", "198.51.100.1"},
		"on this machine, for itself":      {"127.0.0.1:1", "", "127.0.0.1"},
		"elsewhere":                        {"10.0.0.1:1", "198.51.100.1", "198.51.100.1"},
		"one behind the other":             {"127.0.0.1:1", "198.51.100.1, 10.0.0.1", "198.51.100.1"},
		"with what the client wrote":       {"127.0.0.1:1", "1.1.1.1, 198.51.100.1, 10.0.0.1, 10.0.0.2", "198.51.100.1"},
		"in headers of their own":          {"127.0.0.1:1", "1.1.1.1|198.51.100.1|10.0.0.1", "198.51.100.1"},
		"a client that looks like a proxy": {"127.0.0.1:1", "10.0.0.9", "10.0.0.9"},
		"behind one that is not trusted":   {"127.0.0.1:1", "198.51.100.1, 203.0.113.9", "203.0.113.9"},
		"something that is no address":     {"127.0.0.1:1", "198.51.100.1, unknown", "127.0.0.1"},
		"of IPv6":                          {"[2001:db8:7::1]:1", "2001:db8:1:2:3::4", "2001:db8:1:2::/64"},
		"an IPv4 address as IPv6":          {"[::ffff:10.0.0.1]:1", "::ffff:198.51.100.1", "198.51.100.1"},
		"more of them than anybody has":    {"127.0.0.1:1", "198.51.100.1" + strings.Repeat(", 10.0.0.1", 50), "10.0.0.1"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = c.peer
		for value := range strings.SplitSeq(c.forwarded, "|") {
			if value != "" {
				r.Header.Add("X-Forwarded-For", value)
			}
		}
		got := ""
		httpx.Forwarded(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got = httpx.ClientAddress(r)
			if r.Header.Get("X-Forwarded-For") != "" {
				t.Errorf("%s: the header is still there", name)
			}
		}), trusted).ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
