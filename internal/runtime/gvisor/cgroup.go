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
// ourselves, in three controllers and while the agent connects: runsc would join every controller first, one after
// another, which is a fifth of a start.
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

// make makes an environment's groups with its limits.
func (c *cgroups) make(s sandbox.Spec) error {
	if c == nil {
		return nil
	}
	cpu := s.CPU
	if cpu <= 0 {
		cpu = defaultCPU
	}
	memory, quota := strconv.FormatInt(memoryOf(s), 10), strconv.Itoa(int(cpu*cpuPeriod))
	limits := map[string]string{
		"memory.limit_in_bytes": memory, "cpu.cfs_period_us": strconv.Itoa(cpuPeriod), "cpu.cfs_quota_us": quota,
	}
	if c.unified {
		limits = map[string]string{"memory.max": memory, "cpu.max": quota + " " + strconv.Itoa(cpuPeriod)}
	}
	limits["pids.max"] = strconv.Itoa(maxThreads)
	for _, root := range c.roots {
		dir := filepath.Join(root, cgroupName, s.ID)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) { //nolint:gosec // as all cgroups are
			return fmt.Errorf("make a cgroup: %w", err)
		}
		for file, value := range limits {
			if !c.unified && !strings.HasPrefix(file, filepath.Base(root)) {
				continue
			}
			if err := write(filepath.Join(dir, file), value); err != nil {
				return fmt.Errorf("limit an environment: %w", err)
			}
		}
	}
	return nil
}

// move puts a sandbox with all its processes into its groups. What a moved process starts is there from the beginning,
// so that it is done once no new descendant is found. Nothing of the learner's runs before it has returned.
func (c *cgroups) move(id string, pid int) error {
	if c == nil {
		return nil
	}
	moved := map[int]bool{}
	for {
		found := append(descendants(pid), pid)
		fresh := 0
		for _, p := range found {
			if moved[p] {
				continue
			}
			moved[p] = true
			fresh++
			for _, root := range c.roots {
				err := write(filepath.Join(root, cgroupName, id, "cgroup.procs"), strconv.Itoa(p))
				if _, gone := os.Stat("/proc/" + strconv.Itoa(p)); err != nil && gone == nil {
					return fmt.Errorf("limit process %d: %w", p, err)
				}
			}
		}
		if fresh == 0 {
			return nil
		}
	}
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
		dir := filepath.Join(root, cgroupName, id)
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
