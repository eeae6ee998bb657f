package outbound_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/platform/outbound"
)

func get(t *testing.T, client *http.Client, url string) error {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// Nothing answers at most of these; the guard must refuse them before anybody is asked.
func TestOnlyPublicAddressesAreCalled(t *testing.T) {
	t.Parallel()
	client := outbound.Guard{}.Client()
	for _, host := range []string{
		"127.0.0.1", "127.1.2.3", "[::1]", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "0.0.0.0",
		"[::]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[::7f00:1]", "[fe80::1]", "[fd00:ec2::254]", "[fc00::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
		"[2001:0:7f00:1::]", "224.0.0.1", "[ff02::1]", "255.255.255.255", "240.0.0.1", "192.0.0.192", "168.63.129.16", "198.18.0.1", "203.0.113.1", "localhost",
	} {
		if err := get(t, client, "https://"+host+":1/"); !errors.Is(err, outbound.ErrAddress) {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, url := range []string{"http://example.com/", "ftp://example.com/", "file:///etc/passwd", "http://127.0.0.1/"} {
		if err := get(t, client, url); !errors.Is(err, outbound.ErrScheme) {
			t.Errorf("%s: %v", url, err)
		}
		if err := (outbound.Guard{}).CheckURL(url); !errors.Is(err, outbound.ErrScheme) {
			t.Errorf("check %s: %v", url, err)
		}
	}
	for _, url := range []string{"https://a:b@example.com/", "https:///x", "javascript:alert(1)", "https://10.0.0.1/", "://"} {
		if err := (outbound.Guard{}).CheckURL(url); err == nil {
			t.Errorf("check %s: nothing", url)
		}
	}
	if err := (outbound.Guard{}).CheckURL("https://login.example.com/realm"); err != nil {
		t.Error(err)
	}
}

// Even where private networks may be called, those that answer with credentials of the machine may not.
func TestMetadataIsNeverCalled(t *testing.T) {
	t.Parallel()
	client := outbound.Guard{AllowPrivate: true}.Client()
	for _, host := range []string{"169.254.169.254", "[fd00:ec2::254]", "[fe80::1]", "0.0.0.0", "100.100.100.200", "[::ffff:169.254.169.254]"} {
		if err := get(t, client, "https://"+host+":1/"); !errors.Is(err, outbound.ErrAddress) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if err := get(t, client, "http://10.0.0.1:1/"); !errors.Is(err, outbound.ErrScheme) {
		t.Errorf("plain http in a private network: %v", err)
	}
}

// resolver answers every name with one address, as a name server of an attacker may at any time.
func resolver(t *testing.T, address [4]byte) *net.Resolver {
	t.Helper()
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(dnsAnswer(buffer[:n], address), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// dnsAnswer answers a question (RFC 1035, 4.1) with one address, or with none where it is not for IPv4.
func dnsAnswer(question []byte, address [4]byte) []byte {
	end := 12
	for question[end] != 0 {
		end += int(question[end]) + 1
	}
	end += 5 // the root, type and class
	answer := append([]byte{question[0], question[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question[12:end]...)
	if question[end-3] == 1 { // type A
		answer[7] = 1
		answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		answer = append(answer, address[:]...)
	}
	return answer
}

// What counts is the address that is connected to, whatever the name said before.
func TestANameOfAnInternalAddressIsRefused(t *testing.T) {
	t.Parallel()
	called := make(chan struct{}, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called <- struct{}{} }))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	client := outbound.Guard{Resolver: resolver(t, [4]byte{127, 0, 0, 1}), Roots: roots(server)}.Client()
	if err := get(t, client, "https://example.com:"+port+"/"); !errors.Is(err, outbound.ErrAddress) {
		t.Errorf("%v", err)
	}
	if len(called) > 0 {
		t.Error("the server was called")
	}
	// The same name and server where it is allowed: the test itself could tell.
	client = outbound.Guard{Resolver: resolver(t, [4]byte{127, 0, 0, 1}), Roots: roots(server), AllowPrivate: true}.Client()
	if err := get(t, client, "https://example.com:"+port+"/"); err != nil {
		t.Errorf("allowed: %v", err)
	}
}

func roots(server *httptest.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return pool
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed to another host") }))
	defer other.Close()
	mux := http.NewServeMux()
	server := httptest.NewTLSServer(mux)
	defer server.Close()
	defer close(held)
	mux.HandleFunc("/huge", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", outbound.MaxBody+1))
	})
	mux.HandleFunc("/whole", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", outbound.MaxBody))
	})
	mux.HandleFunc("/slow", func(http.ResponseWriter, *http.Request) { <-held })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) })
	mux.HandleFunc("/here", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/whole", http.StatusFound) })
	mux.HandleFunc("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	client := outbound.Guard{AllowPrivate: true, Roots: roots(server), Time: 5 * time.Second}.Client()
	for path, want := range map[string]error{
		"/huge": outbound.ErrTooLarge, "/whole": nil, "/away": outbound.ErrRedirect, "/here": nil, "/round": outbound.ErrRedirect,
	} {
		if err := get(t, client, server.URL+path); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	hasty := outbound.Guard{AllowPrivate: true, Roots: roots(server), Time: 50 * time.Millisecond}.Client()
	if err := get(t, hasty, server.URL+"/slow"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("slow: %v", err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/here", strings.NewReader("secret"))
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(r)
	if err == nil {
		_ = res.Body.Close()
	}
	if !errors.Is(err, outbound.ErrRedirect) {
		t.Errorf("a form was redirected: %v", err)
	}
}
