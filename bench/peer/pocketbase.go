package peer

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// StartPocketBase builds and starts PocketBase below a directory. It is a module of its own, as it wants a newer Go.
func StartPocketBase(ctx context.Context, dir, address string) (*Process, error) {
	program := filepath.Join(dir, "pocketbase")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, ".") //nolint:gosec // a directory of ours
	build.Dir, build.Env = "bench/peer/pocketbase", append(os.Environ(), "GOTOOLCHAIN=go1.27.3")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, text)
	}
	return Begin(ctx, nil, program, filepath.Join(dir, "pocketbase-data"), address)
}
