// Package server puts the program together: it is the only package that knows every feature. Config is what an
// operator sets, Run is the life of the process.
package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cloudkida/cloudkida/internal/app/identity/consent"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
	"github.com/cloudkida/cloudkida/internal/platform/valkey"
)

// Config is what `cloudkida serve` takes, as flags or environment variables.
type Config struct {
	Data         string        `help:"Directory for everything that the program keeps: database, master key, sandboxes." default:"${data}" env:"CLOUDKIDA_DATA" placeholder:"DIR"`
	Listen       string        `help:"Address of the console and the API." default:"127.0.0.1:8080" env:"CLOUDKIDA_LISTEN" placeholder:"ADDR"`
	OpsListen    string        `help:"Address of metrics and health for operators; keep it private. Empty: none." default:"127.0.0.1:9090" env:"CLOUDKIDA_OPS_LISTEN" placeholder:"ADDR"`
	PublicURL    string        `help:"How browsers reach --listen, such as https://labs.example.com. Default: http://localhost with the port of --listen." env:"CLOUDKIDA_PUBLIC_URL" placeholder:"URL"`
	LabsDomain   string        `help:"Domain under which web ports of labs are served, each on an origin of its own; a registrable domain other than the console's. Default: labs. before the host of --public-url." env:"CLOUDKIDA_LABS_DOMAIN" placeholder:"HOST[:PORT]"`
	DatabaseURL  string        `help:"PostgreSQL 18 or newer to use in place of the embedded one, as a role that has CREATEROLE and owns the database (postgres://user:password@host/database)." env:"CLOUDKIDA_DATABASE_URL" placeholder:"URL"`
	DNSServer    string        `name:"dns-server" help:"DNS server that is asked for the records which prove organisations' e-mail domains. Default: the machine's own." env:"CLOUDKIDA_DNS_SERVER" placeholder:"HOST:PORT"`
	Roles        []string      `help:"What this process does: api (console and API), worker (background jobs), lab (sandboxes on this host; together with api)." default:"api,worker,lab" env:"CLOUDKIDA_ROLES" placeholder:"ROLE,..."`
	Host         string        `help:"Name of this host; jobs of its sandboxes come to it alone. Default: the machine's host name." env:"CLOUDKIDA_HOST" placeholder:"NAME"`
	Capacity     int           `help:"How many sandboxes may run here at once. Default: what the machine's memory allows." env:"CLOUDKIDA_CAPACITY" placeholder:"N"`
	MaxIdle      time.Duration `help:"End sessions in which nothing happens for so long, whatever their lab says. Default: as the lab says." env:"CLOUDKIDA_MAX_IDLE" placeholder:"TIME"`
	Runsc        string        `help:"The gVisor runtime. Default: runsc beside the program, then on PATH." env:"CLOUDKIDA_RUNSC" placeholder:"FILE"`
	Postgres     string        `help:"PostgreSQL 18 programs for the embedded database. Default: postgres/ beside the program, then /usr/lib/postgresql/18." env:"CLOUDKIDA_POSTGRES" placeholder:"DIR"`
	MasterKey    string        `help:"Base64 of the 32 bytes that seal every secret. Default: master.key in the data directory, made at the first start." env:"CLOUDKIDA_MASTER_KEY" placeholder:"KEY"`
	SMTPURL      string        `name:"smtp-url" help:"Mail server, smtp(s)://USER:PASSWORD@HOST:PORT; give it by the variable, so that no list of processes shows the password. STARTTLS is required but on this machine. Default: none; operators read mail in the console." env:"CLOUDKIDA_SMTP_URL" placeholder:"URL"`
	MailFrom     string        `help:"Who mail is from, with --smtp-url, such as \"Example Labs <no-reply@example.com>\"." env:"CLOUDKIDA_MAIL_FROM" placeholder:"ADDRESS"`
	TermsURL     string        `help:"Terms of use that people agree to when they make an account; what they agreed to is kept. Default: none." env:"CLOUDKIDA_TERMS_URL" placeholder:"URL"`
	PrivacyURL   string        `help:"Privacy notice, like --terms-url." env:"CLOUDKIDA_PRIVACY_URL" placeholder:"URL"`
	TermsVer     string        `name:"terms-version" help:"Version of both documents, such as 2026-03." default:"1" env:"CLOUDKIDA_TERMS_VERSION" placeholder:"TEXT"`
	AllowPrivate bool          `name:"allow-private-outbound" help:"Let addresses that organisations enter, such as of their identity providers, be in private networks and on this machine. For installations whose organisations are trusted." env:"CLOUDKIDA_ALLOW_PRIVATE_OUTBOUND"`
	RedisURL     string        `name:"redis-url" help:"Redis or Valkey server in which several processes count requests together, redis(s)://[USER:PASSWORD@]HOST[:PORT][/DATABASE]; give it by the variable, so that no list of processes shows the password. Default: each process counts by itself." env:"CLOUDKIDA_REDIS_URL" placeholder:"URL"`
	AddressRate  int64         `help:"How many requests a second one network address may make to the API without being signed in. 0: any number, such as behind a proxy on another machine that --trusted-proxies does not name, which is one address for everybody." default:"100" env:"CLOUDKIDA_ADDRESS_RATE" placeholder:"N"`
	Locale       string        `help:"Language of letters and sign-in pages for whom no language is known, such as hi; organisations choose their own. Default: en." default:"en" env:"CLOUDKIDA_LOCALE" placeholder:"TAG"`
	Proxies      []string      `name:"trusted-proxies" help:"Addresses or networks of proxies on other machines that say in X-Forwarded-For for whom they ask. Those on this machine are always believed." env:"CLOUDKIDA_TRUSTED_PROXIES" placeholder:"NET,..."`
	LogFormat    string        `help:"How log lines are written: text or json." enum:"text,json" default:"text" env:"CLOUDKIDA_LOG_FORMAT"`

	// Clock is the time by which entries of audit logs grow old; nil: the machine's.
	Clock func() time.Time `kong:"-"`
}

// The roles of a process.
const (
	RoleAPI    = "api"
	RoleWorker = "worker"
	RoleLab    = "lab"
)

// DefaultData is the data directory where none is set: below /var/lib for root, because the embedded database runs as
// another user that a closed home directory would keep out.
func DefaultData() string {
	if os.Geteuid() == 0 {
		return "/var/lib/cloudkida"
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "cloudkida")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "cloudkida")
	}
	return filepath.Join(home, ".local", "share", "cloudkida")
}

// Has tells whether the process plays a role.
func (c *Config) Has(role string) bool { return slices.Contains(c.Roles, role) }

// Complete fills what was left out and reports every problem at once.
func (c *Config) Complete() error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		problem("--listen %q: want HOST:PORT, such as 127.0.0.1:8080", c.Listen)
	}
	if c.PublicURL == "" {
		if host == "" || net.ParseIP(host).IsLoopback() || net.ParseIP(host).IsUnspecified() {
			host = "localhost"
		}
		c.PublicURL = "http://" + net.JoinHostPort(host, port)
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		problem("--public-url %q: want http(s)://HOST[:PORT] without a path", c.PublicURL)
	} else {
		c.PublicURL = origin(u)
		if c.LabsDomain == "" {
			c.LabsDomain = "labs." + strings.TrimPrefix(c.PublicURL, u.Scheme+"://")
		}
		if u.Scheme == "http" && !local(u.Hostname()) {
			problem("--public-url %q: sign-in needs https except on localhost; put a TLS proxy in front", c.PublicURL)
		}
	}
	problems = append(problems, c.completeRoles()...)
	if c.Host == "" {
		if c.Host, err = os.Hostname(); err != nil {
			problem("--host: %w", err)
		}
	}
	if c.Data, err = filepath.Abs(c.Data); err != nil {
		problem("--data: %w", err)
	}
	if c.Capacity < 0 {
		problem("--capacity %d: want a number of sandboxes, or 0 for what memory allows", c.Capacity)
	}
	if _, _, err := net.SplitHostPort(c.DNSServer); c.DNSServer != "" && err != nil {
		problem("--dns-server %q: want HOST:PORT, such as 192.0.2.53:53", c.DNSServer)
	}
	if c.AddressRate < 0 || c.AddressRate > maxAddressRate {
		problem("--address-rate %d: want 0 to %d", c.AddressRate, maxAddressRate)
	}
	if _, err := c.proxies(); err != nil {
		problems = append(problems, err)
	}
	if _, err := valkey.Parse(c.RedisURL); c.RedisURL != "" && err != nil {
		problem("--redis-url: %w", err)
	}
	if _, err := c.smtp(); err != nil {
		problems = append(problems, err)
	}
	problems = append(append(problems, c.checkDocuments()...), checkLocale(c.Locale)...)
	return errors.Join(problems...)
}

// proxies are the networks of trusted proxies.
func (c *Config) proxies() (networks []netip.Prefix, err error) {
	for _, text := range c.Proxies {
		network, err := netip.ParsePrefix(text)
		if addr, failed := netip.ParseAddr(text); failed == nil {
			network, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxies %q: want addresses or networks, such as 10.0.0.0/8", text)
		}
		networks = append(networks, network.Masked())
	}
	return networks, nil
}

// maxAddressRate is the most that one address may be allowed.
const maxAddressRate = 100_000

// maxVersion is how long the version of a document may be.
const maxVersion = 40

func (c *Config) checkDocuments() (problems []error) {
	for flag, text := range map[string]string{"--terms-url": c.TermsURL, "--privacy-url": c.PrivacyURL} {
		u, err := url.Parse(text)
		if text != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
			problems = append(problems, fmt.Errorf("%s %q: want an address such as https://example.com/terms", flag, text))
		}
	}
	if len(c.documents()) > 0 && (c.TermsVer == "" || len(c.TermsVer) > maxVersion) {
		problems = append(problems, fmt.Errorf("--terms-version: want 1 to %d characters", maxVersion))
	}
	return problems
}

// documents are what people agree to when they make an account.
func (c *Config) documents() (list []consent.Document) {
	for _, d := range []consent.Document{
		{Name: "terms", Title: "terms of use", Version: c.TermsVer, URL: c.TermsURL},
		{Name: "privacy", Title: "privacy notice", Version: c.TermsVer, URL: c.PrivacyURL},
	} {
		if d.URL != "" {
			list = append(list, d)
		}
	}
	return list
}

// smtp is the mail server that was set, or nil.
func (c *Config) smtp() (*mail.SMTP, error) {
	if c.SMTPURL == "" {
		return nil, nil //nolint:nilnil // none is a choice: mail stays in the mailbox
	}
	return mail.ParseSMTP(c.SMTPURL, c.MailFrom)
}

func (c *Config) completeRoles() (problems []error) {
	if len(c.Roles) == 0 {
		problems = append(problems, errors.New("--roles: name at least one of api, worker, lab"))
	}
	for _, r := range c.Roles {
		if r != RoleAPI && r != RoleWorker && r != RoleLab {
			problems = append(problems, fmt.Errorf("--roles %q: want api, worker or lab", r))
		}
	}
	if c.Has(RoleLab) && !c.Has(RoleAPI) {
		problems = append(problems, errors.New("--roles lab: sandboxes of one host are reached through the api of the same process; add api"))
	}
	return problems
}

// origin is how browsers write the URL's origin: in lower case, without the scheme's own port.
func origin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	for scheme, port := range map[string]string{"http": ":80", "https": ":443"} {
		if u.Scheme == scheme {
			host = strings.TrimSuffix(host, port)
		}
	}
	return u.Scheme + "://" + host
}

func local(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
}
