package gvisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// cgroups are where the limits of environments are set: one group for all, and one in it for each.
type cgroups struct {
	roots []string // the mounts of the controllers (v1), or the one of all (v2)
}

const cgroupRoot = "/sys/fs/cgroup"

func cgroupOf(id string) string { return "/cloudkida/" + id }

// findCgroups returns nil when this process may not make groups.
func findCgroups() *cgroups {
	if os.Geteuid() != 0 {
		return nil
	}
	c := &cgroups{}
	if _, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers")); err == nil {
		c.roots = []string{cgroupRoot}
	} else {
		for _, controller := range []string{"memory", "cpu", "pids"} {
			if info, err := os.Stat(filepath.Join(cgroupRoot, controller)); err == nil && info.IsDir() {
				c.roots = append(c.roots, filepath.Join(cgroupRoot, controller))
			}
		}
	}
	if len(c.roots) == 0 {
		return nil
	}
	for _, root := range c.roots {
		if err := os.Mkdir(filepath.Join(root, "cloudkida"), 0o755); err != nil && !errors.Is(err, fs.ErrExist) { //nolint:gosec // as all cgroups are
			return nil
		}
	}
	return c
}

// remove removes an environment's groups, in every controller: the runtime leaves them when it could not clean up. A
// group is busy for a moment after its last process has ended.
func (c *cgroups) remove(id string) error {
	if c == nil {
		return nil
	}
	found, _ := filepath.Glob(filepath.Join(cgroupRoot, "*", cgroupOf(id))) // the pattern is well-formed
	found = append(found, filepath.Join(cgroupRoot, cgroupOf(id)))
	for _, dir := range found {
		var err error
		for range 50 {
			if err = os.Remove(dir); err == nil || errors.Is(err, fs.ErrNotExist) {
				err = nil
				break
			}
			<-time.After(10 * time.Millisecond)
		}
		if err != nil {
			return fmt.Errorf("gvisor: remove a cgroup: %w", err)
		}
	}
	return nil
}
