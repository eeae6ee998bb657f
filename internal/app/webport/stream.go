package webport

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// lastWords is how long a browser may take to read why a stream was ended.
const lastWords = time.Second

// stream is the browser's side of one proxied request. It replaces the server's deadlines, which are meant for short
// requests, by ones that move with the bytes, and ends when its context does even while a browser does not read.
type stream struct {
	http.ResponseWriter
	ctx  context.Context //nolint:containedctx // a response writer lives for one request, as its context does
	rc   *http.ResponseController
	stop func() bool
}

// newStream wraps w and the body of r; the caller calls end before it returns.
func newStream(ctx context.Context, w http.ResponseWriter, r *http.Request) *stream {
	s := &stream{ResponseWriter: w, ctx: ctx, rc: http.NewResponseController(w)}
	s.reading(time.Time{})
	s.writing(time.Now().Add(idleTime))
	s.stop = context.AfterFunc(ctx, func() { s.writing(time.Now().Add(lastWords)) })
	_ = s.rc.EnableFullDuplex() // a program may answer while the browser still sends; HTTP/2 always can
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &streamBody{ReadCloser: r.Body, stream: s}
	}
	return s
}

// end leaves the connection to the server, for the browser's next request.
func (s *stream) end() {
	if s.stop() {
		s.writing(time.Now().Add(idleTime))
	}
}

// Deadlines fail on connections that have none, such as a test's; then there is nothing to move.
func (s *stream) reading(until time.Time) { _ = s.rc.SetReadDeadline(until) }
func (s *stream) writing(until time.Time) { _ = s.rc.SetWriteDeadline(until) }

// WriteHeader leaves out informational answers: their headers do not pass through modifyResponse.
func (s *stream) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		s.ResponseWriter.WriteHeader(status)
	}
}

// Write writes to the browser, which has idleTime to take it.
func (s *stream) Write(b []byte) (int, error) {
	if s.ctx.Err() == nil {
		s.writing(time.Now().Add(idleTime))
	}
	return s.ResponseWriter.Write(b)
}

// Hijack hands over the connection for a WebSocket; it is closed with the context.
func (s *stream) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := s.rc.Hijack()
	if err == nil {
		context.AfterFunc(s.ctx, func() { _ = conn.Close() })
	}
	return conn, rw, err
}

// Unwrap lets http.ResponseController reach flushing.
func (s *stream) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// streamBody gives the browser idleTime for each piece of the body.
type streamBody struct {
	io.ReadCloser
	stream *stream
}

func (b *streamBody) Read(p []byte) (int, error) {
	b.stream.reading(time.Now().Add(idleTime))
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		// The server goes on reading, to see the browser leave: that has no deadline.
		b.stream.reading(time.Time{})
	}
	return n, err
}
