package arch_test

import (
	"fmt"
	"path"
	"strings"
	"testing"
)

// Planes from the top down; a package imports its own plane and what lies below it.
const (
	planeTop      = 5 // cmd, bench: programs
	planeServer   = 4 // wiring
	planeFeatures = 3 // control and app, which never import each other
	planeRuntime  = 2
	planePlatform = 1
	planeData     = 0 // embedded files and the client, which import nothing of ours
)

// plane returns where a folder belongs, or -1 for one that nobody planned.
func plane(dir string) int {
	switch {
	case within(dir, "cmd", "bench", "internal/testenv", "internal/arch"):
		return planeTop
	case within(dir, "internal/server"):
		return planeServer
	case within(dir, "internal/control", "internal/app"):
		return planeFeatures
	case within(dir, "internal/runtime"):
		return planeRuntime
	case within(dir, "internal/platform"):
		return planePlatform
	case within(dir, "migrations", "labs", "web", "api", "client"):
		return planeData
	default:
		return -1
	}
}

// refusal says why a file in from must not import to, or is "" when it may.
func refusal(from, to string, test bool) string {
	switch above, below := plane(from), plane(to); {
	case below < 0:
		return "no plane holds " + to + ": put it below cmd, internal/{server,control,app,runtime,platform} or name it in plane"
	case to == "internal/testenv":
		if test {
			return ""
		}
		return "internal/testenv is for tests alone"
	case within(to, from) && plane(from) == planeTop:
		return "" // a program's own parts
	case within(to, "cmd", "bench", "internal/arch"):
		return "programs are not imported"
	case within(to, "internal/server") && !within(from, "cmd", "internal/server", "internal/testenv"):
		return "only cmd and internal/testenv know internal/server"
	case within(from, "internal/control") && within(to, "internal/app"), within(from, "internal/app") && within(to, "internal/control"):
		return "control and app never import each other: declare a small interface and let internal/server plug it in"
	case below > above:
		return "imports run one way: cmd -> server -> control | app -> runtime -> platform"
	case support(to) && !test && !support(from):
		return to + " supports tests and is for tests alone"
	}
	return ""
}

// support tells whether a package exists for tests: dbtest, sandboxtest and the like, and the fake sandbox.
func support(dir string) bool {
	return strings.HasSuffix(dir, "test") || path.Base(dir) == "fake" || dir == "internal/testenv"
}

func TestImportsRunOneWay(t *testing.T) {
	t.Parallel()
	files, _ := sources(t)
	for _, s := range files {
		if plane(s.dir()) < 0 {
			t.Errorf("%s: no plane holds this folder", s.path)
			continue
		}
		for _, to := range s.imports {
			if why := refusal(s.dir(), to, s.test); why != "" {
				t.Errorf("%s imports %s: %s", s.path, to, why)
			}
		}
	}
}

// Only the wiring knows both sides: a program that does would be a second place to look for it.
func TestOnlyTheServerKnowsEverything(t *testing.T) {
	t.Parallel()
	files, _ := sources(t)
	known := map[string]map[string]bool{} // folder -> halves of the product that it imports
	for _, s := range files {
		if s.test || within(s.dir(), "internal/server", "internal/testenv") {
			continue
		}
		for _, to := range s.imports {
			for _, half := range []string{"internal/control", "internal/app"} {
				if within(to, half) {
					if known[s.dir()] == nil {
						known[s.dir()] = map[string]bool{}
					}
					known[s.dir()][half] = true
				}
			}
		}
	}
	for dir, halves := range known {
		if len(halves) > 1 {
			t.Errorf("%s imports both control and app: that is internal/server's work", dir)
		}
	}
}

// The rule itself, so that a slip in it does not let everything through.
func TestRefusal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		test     bool
		allowed  bool
	}{
		{"cmd/cloudkida", "internal/server", false, true},
		{"internal/server", "internal/app/lab", false, true},
		{"internal/server", "internal/control/environment", false, true},
		{"internal/app/session", "internal/app/lab", false, true},
		{"internal/app/session", "internal/runtime/sandbox", false, true},
		{"internal/platform/db", "migrations", false, true},
		{"internal/app/lab", "internal/testenv", true, true},
		{"internal/app/lab", "internal/platform/db/dbtest", true, true},
		{"internal/app/session", "internal/runtime/sandbox/fake", true, true},
		{"internal/app/session", "internal/control/environment", false, false},
		{"internal/control/environment", "internal/app/session", true, false},
		{"internal/runtime/gvisor", "internal/app/lab", false, false},
		{"internal/platform/db", "internal/runtime/sandbox", true, false},
		{"internal/app/lab", "internal/server", true, false},
		{"internal/server", "cmd/cloudkida", false, false},
		{"internal/app/lab", "internal/testenv", false, false},
		{"internal/app/lab", "internal/platform/db/dbtest", false, false},
		{"bench", "bench/peer", false, true},
		{"bench/peer", "bench", false, false},
		{"cmd/cloudkida", "bench/peer", false, false},
		{"bench", "internal/server", false, false},
		{"web", "internal/platform/httpx", false, false},
		{"cmd/cloudkida", "internal/util", false, false},
	} {
		t.Run(fmt.Sprintf("%s to %s", c.from, c.to), func(t *testing.T) {
			t.Parallel()
			if why := refusal(c.from, c.to, c.test); (why == "") != c.allowed {
				t.Errorf("allowed %t, want %t (%s)", why == "", c.allowed, why)
			}
		})
	}
}
