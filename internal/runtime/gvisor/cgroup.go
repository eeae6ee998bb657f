package gvisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// cgroups are where the limits of environments are set: one group for all, and one in it for each. We set them
// ourselves, in three controllers and beside the start: runsc would join every controller first, one after another,
// which is a fifth of a start.
type cgroups struct {
	roots   []string // the mounts of the controllers (v1), or the one of all (v2)
	unified bool     // v2
}

const (
	cgroupRoot = "/sys/fs/cgroup"
	cgroupName = "cloudkida"
)

// findCgroups returns nil when this process may not make groups.
func findCgroups() *cgroups {
	if os.Geteuid() != 0 {
		return nil
	}
	c := &cgroups{}
	if _, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers")); err == nil {
		c.roots, c.unified = []string{cgroupRoot}, true
	} else {
		for _, controller := range []string{"memory", "cpu", "pids"} {
			c.roots = append(c.roots, filepath.Join(cgroupRoot, controller))
		}
	}
	for _, root := range c.roots {
		if err := os.Mkdir(filepath.Join(root, cgroupName), 0o755); err != nil && !errors.Is(err, fs.ErrExist) { //nolint:gosec // as all cgroups are
			return nil
		}
		if !c.unified {
			continue
		}
		for _, dir := range []string{root, filepath.Join(root, cgroupName)} {
			if err := write(filepath.Join(dir, "cgroup.subtree_control"), "+memory +cpu +pids"); err != nil {
				return nil
			}
		}
	}
	return c
}

func write(file, value string) error {
	return os.WriteFile(file, []byte(value), 0o644) //nolint:gosec // a file of the kernel's, whose mode is its own
}

// make makes an environment's groups with the limits that hold from its start on.
func (c *cgroups) make(s sandbox.Spec) error {
	if c == nil {
		return nil
	}
	limit := "memory.limit_in_bytes"
	if c.unified {
		limit = "memory.max"
	}
	for _, root := range c.roots {
		if err := os.Mkdir(c.dir(root, s.ID), 0o755); err != nil && !errors.Is(err, fs.ErrExist) { //nolint:gosec // as all cgroups are
			return fmt.Errorf("make a cgroup: %w", err)
		}
	}
	return c.set(s.ID, map[string]string{limit: strconv.FormatInt(memoryOf(s), 10), "pids.max": strconv.Itoa(maxThreads)})
}

func (c *cgroups) dir(root, id string) string { return filepath.Join(root, cgroupName, id) }

// set writes limits, each in the controller that its name begins with.
func (c *cgroups) set(id string, limits map[string]string) error {
	for _, root := range c.roots {
		for file, value := range limits {
			if !c.unified && !strings.HasPrefix(file, filepath.Base(root)+".") {
				continue
			}
			if err := write(filepath.Join(c.dir(root, id), file), value); err != nil {
				return fmt.Errorf("limit an environment: %w", err)
			}
		}
	}
	return nil
}

// join moves a process; what it starts from then on is in the groups too. The kernel takes some 15 ms for the first move
// in a while.
func (c *cgroups) join(id string, pid int) error {
	if c == nil {
		return nil
	}
	var all []error
	for _, root := range c.roots {
		all = append(all, write(filepath.Join(c.dir(root, id), "cgroup.procs"), strconv.Itoa(pid)))
	}
	return errors.Join(all...)
}

// has tells whether a process is in the groups already.
func (c *cgroups) has(id string, pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	return err == nil && strings.Count(string(text), "/"+cgroupName+"/"+id+"\n") >= len(c.roots)
}

// settle sees to it that a sandbox with all its processes is in its groups, and limits its share of the processors. The
// runtime joined them as it began, but may have started a process before that was done. Nothing of the learner's runs
// before settle has returned.
func (c *cgroups) settle(s sandbox.Spec, pid int) error {
	if c == nil {
		return nil
	}
	seen := map[int]bool{}
	for fresh := true; fresh; {
		fresh = false
		for _, p := range append(descendants(pid), pid) {
			if seen[p] {
				continue
			}
			seen[p], fresh = true, true
			if c.has(s.ID, p) {
				continue
			}
			err := c.join(s.ID, p)
			if _, gone := os.Stat("/proc/" + strconv.Itoa(p)); err != nil && gone == nil {
				return fmt.Errorf("limit process %d: %w", p, err)
			}
		}
	}
	cpu := s.CPU
	if cpu <= 0 {
		cpu = defaultCPU
	}
	quota, period := strconv.Itoa(int(cpu*cpuPeriod)), strconv.Itoa(cpuPeriod)
	if c.unified {
		return c.set(s.ID, map[string]string{"cpu.max": quota + " " + period})
	}
	return errors.Join(c.set(s.ID, map[string]string{"cpu.cfs_period_us": period}), c.set(s.ID, map[string]string{"cpu.cfs_quota_us": quota}))
}

// descendants lists the processes below one.
func descendants(pid int) (all []int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is well-formed
	for _, f := range files {
		text, err := os.ReadFile(f) //nolint:gosec // a file of the kernel's
		if err != nil {
			continue
		}
		for word := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(append(all, child), descendants(child)...)
			}
		}
	}
	return all
}

// remove removes an environment's groups. A group is busy for a moment after its last process has ended.
func (c *cgroups) remove(id string) error {
	if c == nil {
		return nil
	}
	for _, root := range c.roots {
		dir := c.dir(root, id)
		var err error
		for range 100 {
			if err = os.Remove(dir); err == nil || errors.Is(err, fs.ErrNotExist) {
				err = nil
				break
			}
			<-time.After(5 * time.Millisecond)
		}
		if err != nil {
			return fmt.Errorf("gvisor: remove a cgroup: %w", err)
		}
	}
	return nil
}
