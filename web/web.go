// Package web serves the console: the files that `npm run build` leaves in dist, embedded into the program.
package web

import (
	"bytes"
	"crypto/rand"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed all:dist
var built embed.FS

const (
	// placeholder stands in index.html where each answer has a nonce of its own; vite.config.ts puts it there.
	placeholder = "CSP_NONCE"
	forever     = "public, max-age=31536000, immutable" // names under assets/ carry a hash of their content
	revalidate  = "no-cache"
)

// missing is shown instead of the console when the program was built without it.
const missing = "The console was not built into this program. Run `make build` and start it again.\n"

// Handler serves the console. Every address that is no file of it gets its one page, which knows what to show, if a
// browser navigates there; anything else is a 404. frames is a source of the content policy from which pages may be
// framed: the origins of lab ports, such as "http://*.labs.localhost:8080".
func Handler(frames string) http.Handler {
	dist, err := fs.Sub(built, "dist")
	if err != nil {
		panic(err) // the path is a constant
	}
	return Serve(dist, frames)
}

// Serve is Handler for a console that was built elsewhere.
func Serve(dist fs.FS, frames string) http.Handler {
	index, _ := fs.ReadFile(dist, "index.html") // without it, page tells what to do
	c := &console{dist: dist, index: index, frames: frames}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Method not allowed", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
		switch {
		case c.isFile(name):
			c.file(w, r, name)
		case path.Ext(name) == "" && navigates(r):
			c.page(w)
		default:
			http.NotFound(w, r)
		}
	})
}

// console is what was built.
type console struct {
	dist   fs.FS
	index  []byte
	frames string
}

// isFile leaves out index.html, which needs its nonce, and what only git or the precompressor put there.
func (c *console) isFile(name string) bool {
	if name == "index.html" || strings.HasPrefix(path.Base(name), ".") || strings.HasSuffix(name, ".gz") {
		return false
	}
	info, err := fs.Stat(c.dist, name)
	return err == nil && !info.IsDir()
}

// navigates tells a browser that opens a page from a script or a picture that misses its file.
func navigates(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

func (c *console) file(w http.ResponseWriter, r *http.Request, name string) {
	h := w.Header()
	h.Set("Content-Type", contentType(name))
	h.Set("Cache-Control", revalidate)
	if strings.HasPrefix(name, "assets/") {
		h.Set("Cache-Control", forever)
	}
	h.Add("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		if _, err := fs.Stat(c.dist, name+".gz"); err == nil {
			h.Set("Content-Encoding", "gzip")
			name += ".gz"
		}
	}
	http.ServeFileFS(w, r, c.dist, name) //nolint:gosec // isFile found it in the embedded files, which nothing leads out of
}

// contentType does not ask the machine's tables, which differ and may lack fonts.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".woff":
		return "font/woff"
	}
	return "application/octet-stream"
}

// page sends index.html. It is small and carries a nonce, so it is never kept: a kept page would not fit a new policy.
func (c *console) page(w http.ResponseWriter) {
	if c.index == nil {
		http.Error(w, missing, http.StatusServiceUnavailable)
		return
	}
	nonce := rand.Text()
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", c.policy(nonce))
	_, _ = w.Write(bytes.ReplaceAll(c.index, []byte(placeholder), []byte(nonce))) // the client may be gone
}

// policy allows our own files only. Style elements need the nonce: the components and the terminal make some at run time.
// Measures, such as the place of a menu, are set by script on the elements, which no policy speaks of.
func (c *console) policy(nonce string) string {
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		fmt.Sprintf("style-src 'self' 'nonce-%s'", nonce),
		"img-src 'self' data:",
		"font-src 'self'",
		"connect-src 'self'",
		"manifest-src 'self'",
		strings.TrimSpace("frame-src " + c.frames),
		"form-action 'self'",
		"base-uri 'none'",
		"frame-ancestors 'none'",
	}, "; ")
}
