package guest

import (
	"context"
	"io"
	"net"
	"sync"
)

// join copies between two connections until both directions have ended, or ctx does. When one side has no more to say,
// the other is told, so that a request that ends with its stream gets its answer.
func join(ctx context.Context, a, b net.Conn) {
	stop := context.AfterFunc(ctx, func() { _ = a.Close(); _ = b.Close() })
	defer stop()
	var group sync.WaitGroup
	copyTo := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		if half, ok := to.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
			return
		}
		_ = to.Close()
	}
	group.Go(func() { copyTo(a, b) })
	group.Go(func() { copyTo(b, a) })
	group.Wait()
}
