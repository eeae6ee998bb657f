package gvisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const probeTime = 10 * time.Second

// probe finds out what this machine gives us before a learner does.
func (p *Provider) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	if text, err := exec.CommandContext(ctx, p.cfg.Runsc, "--version").CombinedOutput(); err != nil { //nolint:gosec // our own program
		return fmt.Errorf("the gVisor runtime %s does not run: %w: %s", p.cfg.Runsc, err, strings.TrimSpace(string(text)))
	}
	p.cgroups = findCgroups()
	return userNamespaces(ctx)
}

// userNamespaces fails with the remedy on a machine that does not let us make them.
func userNamespaces(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "/bin/true")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if err := cmd.Run(); err != nil {
		return errors.Join(errors.New("this machine lets us make no user namespaces, which sandboxes need: "+
			"set sysctl user.max_user_namespaces=65536, and kernel.unprivileged_userns_clone=1 or kernel.apparmor_restrict_unprivileged_userns=0 where they exist"), err)
	}
	return nil
}
