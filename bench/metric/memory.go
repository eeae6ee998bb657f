package metric

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Memory is the resident set of a process, and the proportional set of its children's PostgreSQL processes: these share
// most of theirs.
func Memory(pid int) (own, database int64, err error) {
	if own, err = field(fmt.Sprintf("/proc/%d/status", pid), "VmRSS:"); err != nil {
		return 0, 0, err
	}
	parents, err := processes()
	if err != nil {
		return 0, 0, err
	}
	for child, p := range parents {
		if p.name != "postgres" || !below(parents, child, pid) {
			continue
		}
		if size, err := field(fmt.Sprintf("/proc/%d/smaps_rollup", child), "Pss:"); err == nil { // it may have ended
			database += size
		}
	}
	return own, database, nil
}

type process struct {
	name   string
	parent int
}

func processes() (map[int]process, error) {
	found, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		return nil, err
	}
	all := map[int]process{}
	for _, name := range found {
		text, err := os.ReadFile(name) //nolint:gosec // below /proc
		if err != nil {
			continue // it has ended
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			continue
		}
		p := process{}
		for line := range bytes.Lines(text) {
			key, value, _ := strings.Cut(strings.TrimSpace(string(line)), ":")
			switch key {
			case "Name":
				p.name = strings.TrimSpace(value)
			case "PPid":
				p.parent, _ = strconv.Atoi(strings.TrimSpace(value)) // 0 is nobody's parent here
			}
		}
		all[pid] = p
	}
	return all, nil
}

func below(all map[int]process, pid, ancestor int) bool {
	for pid > 1 {
		if pid == ancestor {
			return true
		}
		pid = all[pid].parent
	}
	return false
}

// field reads a size in kB from a file of /proc, as bytes.
func field(name, key string) (int64, error) {
	f, err := os.Open(name) //nolint:gosec // below /proc
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), key); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no %s", name, key)
}
