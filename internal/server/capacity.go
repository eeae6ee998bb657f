package server

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// What one sandbox is counted with: labs ask for 512 MiB at most and use a tenth of it as a rule, so that memory is
// promised about four times over; the cgroup limits hold each to its own.
const (
	memoryPerSandbox = 128 << 20
	memoryForUs      = 2 << 30 // the program, the database and the rest of the machine
	maxCapacity      = 400     // measured: more start too slowly on one host
)

// capacity is how many sandboxes this machine's memory allows.
func capacity() (int, error) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("read the machine's memory: %w (set --capacity)", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != "MemTotal:" {
			continue
		}
		kib, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			break
		}
		return int(min(maxCapacity, max(2, (kib<<10-memoryForUs)/memoryPerSandbox))), nil
	}
	return 0, fmt.Errorf("the machine's memory is not in /proc/meminfo: set --capacity")
}
