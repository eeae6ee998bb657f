package gvisor

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cloudkida/cloudkida/internal/runtime/agent"
)

// rootfs is the root file system of the toolbox: a skeleton over which the host's /usr is mounted. Environments see it
// through an overlay in memory and cannot change it.
func (p *Provider) rootfs() string { return filepath.Join(p.cfg.Dir, "toolbox") }

// layout is what of the toolbox is no directory of its own.
const (
	passwd = "root:x:0:0:root:/root:/bin/bash\nlearner:x:1000:1000:Learner:/home/learner:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n" //nolint:gosec // /etc/passwd of a sandbox, without a password
	group  = "root:x:0:\ntty:x:5:\nlearner:x:1000:\nnogroup:x:65534:\n"
	hosts  = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"

	// profile is read by every login shell. It starts no program, so that the first prompt is there at once.
	profile = `export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
[ -n "$BASH_VERSION" ] && [ -r /etc/bash.bashrc ] && . /etc/bash.bashrc
`
	// The prompt and PS0 mark where a command begins and ends (OSC 133, which terminals use for the same): gVisor does not
	// tell the agent which process group has the foreground.
	bashrc = `[ -z "$PS1" ] && return
PS0='\e]133;C\a'
PS1='\[\e]133;A\a\e[1;32m\]\u@\h\[\e[0m\]:\[\e[1;34m\]\w\[\e[0m\]\$ '
HISTSIZE=5000
shopt -s checkwinsize
alias ls='ls --color=auto' grep='grep --color=auto' ll='ls -l'
`
	// layoutVersion changes with what fill makes, so that an older toolbox is replaced.
	layoutVersion = "2"
	sudoers       = "learner ALL=(ALL:ALL) NOPASSWD: ALL\nroot ALL=(ALL:ALL) ALL\n"
)

// makeRootfs makes the toolbox beside its place and exchanges it, unless the one that is there is the same.
func (p *Provider) makeRootfs() error {
	program, err := agent.Binary()
	if err != nil {
		return err
	}
	sum := sha256.New()
	for _, part := range [][]byte{program, []byte(passwd + group + hosts + profile + bashrc + sudoers + layoutVersion)} {
		sum.Write(part)
	}
	stamp := hex.EncodeToString(sum.Sum(nil))
	if text, err := os.ReadFile(p.rootfs() + ".sum"); err == nil && string(text) == stamp {
		return nil
	}
	fresh := p.rootfs() + ".new"
	err = errors.Join(os.RemoveAll(fresh), fill(fresh, program))
	if err == nil {
		// Sandboxes that run hold what they have open: they do not miss the old one.
		err = errors.Join(os.RemoveAll(p.rootfs()+".old"), ignoreMissing(os.Rename(p.rootfs(), p.rootfs()+".old")),
			os.Rename(fresh, p.rootfs()), os.WriteFile(p.rootfs()+".sum", []byte(stamp), 0o600))
	}
	if err != nil {
		return fmt.Errorf("make the toolbox: %w", err)
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// fill writes the skeleton. What is the agent's is closed to learners: whoever reaches its socket could stand in for it,
// and would be sent the scripts of checks.
func fill(root string, program []byte) error {
	var all []error
	for _, d := range []struct {
		name string
		mode fs.FileMode
	}{
		{"", 0o755}, {".cloudkida", 0o700}, {".cloudkida/socket", 0o755}, {"usr", 0o755}, {"etc", 0o755}, {"etc/alternatives", 0o755},
		{"dev", 0o755}, {"proc", 0o555}, {"sys", 0o555}, {"home", 0o755}, {"home/learner", 0o755}, {"root", 0o700}, {"run", 0o755},
		{"tmp", 0o777 | fs.ModeSticky}, {"var", 0o755}, {"var/tmp", 0o777 | fs.ModeSticky}, {"var/log", 0o755}, {"var/lib", 0o755},
		{"opt", 0o755}, {"srv", 0o755}, {"mnt", 0o755}, {"media", 0o755},
	} {
		path := filepath.Join(root, d.name)
		all = append(all, os.MkdirAll(path, 0o755), os.Chmod(path, d.mode)) //nolint:gosec // as on every system
	}
	for _, link := range []string{"bin", "sbin", "lib", "lib64"} {
		if _, err := os.Stat(filepath.Join("/usr", link)); err == nil {
			all = append(all, os.Symlink("usr/"+link, filepath.Join(root, link)))
		}
	}
	for name, f := range map[string]struct {
		text string
		mode fs.FileMode
	}{
		"etc/passwd": {passwd, 0o644}, "etc/group": {group, 0o644}, "etc/hosts": {hosts, 0o644}, "etc/profile": {profile, 0o644},
		"etc/bash.bashrc": {bashrc, 0o644}, "etc/shells": {"/bin/sh\n/bin/bash\n", 0o644}, "etc/sudoers": {sudoers, 0o440},
		"etc/nsswitch.conf": {"passwd: files\ngroup: files\nhosts: files\n", 0o644},
		"etc/shadow":        {"root:*:19000:0:99999:7:::\nlearner:*:19000:0:99999:7:::\n", 0o640},
		".cloudkida/agent":  {string(program), 0o555},
	} {
		all = append(all, os.WriteFile(filepath.Join(root, name), []byte(f.text), f.mode))
	}
	return errors.Join(append(all, fromHost(root))...)
}

// fromHost copies what the host's programs need to find each other: the linker's cache, and which of several programs a
// command such as awk stands for.
func fromHost(root string) error {
	if cache, err := os.ReadFile("/etc/ld.so.cache"); err == nil {
		if err := os.WriteFile(filepath.Join(root, "etc/ld.so.cache"), cache, 0o644); err != nil { //nolint:gosec // all programs read it
			return err
		}
	}
	entries, err := os.ReadDir("/etc/alternatives")
	if err != nil {
		return nil //nolint:nilerr // a host without alternatives has none to copy
	}
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join("/etc/alternatives", e.Name()))
		if err != nil {
			continue
		}
		if err := os.Symlink(target, filepath.Join(root, "etc/alternatives", e.Name())); err != nil {
			return err
		}
	}
	return nil
}
