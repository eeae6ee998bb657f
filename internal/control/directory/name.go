package directory

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// defaultTenant is the name of the tenant that individuals share.
const defaultTenant = "default"

var tenantName = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// clean makes a question about a host one about a name, and leaves of an e-mail address its domain.
func (s *Service) clean(q Question) (Question, error) {
	given := 0
	for _, text := range []string{q.Tenant, q.Email, q.Host} {
		if text != "" {
			given++
		}
	}
	switch {
	case given != 1:
		return q, errQuestion
	case q.Email != "":
		domain, err := ascii(q.Email[strings.LastIndexByte(q.Email, '@')+1:])
		if err != nil {
			return q, errEmail.Wrap(err)
		}
		return Question{Email: domain}, nil
	case q.Host != "":
		name, err := s.nameOf(q.Host)
		if err != nil {
			return q, err
		}
		q = Question{Tenant: name}
	}
	q.Tenant = strings.ToLower(strings.TrimSpace(q.Tenant))
	if !tenantName.MatchString(q.Tenant) {
		return q, ErrUnknown
	}
	return q, nil
}

// nameOf is the tenant whose people are sent to a host: NAME.<public host>, or the default one at the public host itself.
func (s *Service) nameOf(host string) (string, error) {
	host = hostname(host)
	if host == s.host {
		return defaultTenant, nil
	}
	name, ok := strings.CutSuffix(host, "."+s.host)
	if !ok {
		return "", errHost.Because("This is not an address of this installation, which is at %s.", s.PublicURL)
	}
	return name, nil
}

// hostname is a host without its port, in lower case.
func hostname(host string) string {
	if without, _, err := net.SplitHostPort(host); err == nil {
		host = without
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// TenantOfHost is the name of the tenant that a host below the public one is for; "" where it is for none.
func (s *Service) TenantOfHost(host string) (name string, below bool) {
	name, below = strings.CutSuffix(hostname(host), "."+s.host)
	if !tenantName.MatchString(name) {
		name = ""
	}
	return name, below
}

// names makes domains what DNS has: in ASCII, in lower case, without characters that no host has.
var names = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true), idna.Transitional(false)) //nolint:gochecknoglobals // a profile, never changed

var (
	dotted    = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z0-9-]*[a-z][a-z0-9-]*$`) // no address of the network
	errDomain = errs.Invalid("invalid_domain", "The domain cannot be used; see errors.")
)

func ascii(domain string) (string, error) {
	domain, err := names.ToASCII(strings.TrimSuffix(strings.TrimSpace(domain), "."))
	if err != nil {
		return "", fmt.Errorf("domain: %w", err)
	}
	if !dotted.MatchString(domain) {
		return "", errDomain
	}
	return domain, nil
}

// shown is a domain as people read it.
func shown(domain string) string {
	text, err := idna.Display.ToUnicode(domain)
	if err != nil {
		return domain
	}
	return text
}

// cleanDomain is a domain that one organisation can have alone.
func cleanDomain(given string) (string, error) {
	refuse := func(text string) error { return errDomain.WithFields(errs.Field{Path: "body.domain", Message: text}) }
	domain, err := ascii(given[strings.LastIndexByte(given, '@')+1:])
	if err != nil || len(recordName(domain)) > maxName {
		return "", refuse("Type what is behind the @ of your people's e-mail addresses, such as example.com.")
	}
	registered, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return "", refuse("Under this name others register theirs, so it cannot belong to one organisation. Type your own domain, such as example.com.")
	}
	label, suffix, _ := strings.Cut(registered, ".")
	if slices.Contains(freeBrands(), label) || slices.Contains(freeMail(), registered) || suffix == "" {
		return "", refuse("Everybody can get an address there, so it cannot belong to one organisation. Type a domain of your own.")
	}
	return domain, nil
}

// maxName is the longest name that DNS has.
const maxName = 253

// recordName is where the proof of a domain is looked for.
func recordName(domain string) string { return "_cloudkida-challenge." + domain }

// freeBrands give addresses to everybody, under the suffixes of many countries.
func freeBrands() []string {
	return strings.Fields(`gmail googlemail yahoo ymail rocketmail hotmail outlook gmx yandex protonmail rediffmail`)
}

// freeMail are more domains where everybody can have an address, throw-away ones included.
func freeMail() []string {
	return strings.Fields(`
		live.com live.co.uk live.fr live.nl live.de live.it live.in live.ca live.com.au live.se live.dk msn.com passport.com windowslive.com
		icloud.com me.com mac.com aol.com aim.com proton.me pm.me mail.com email.com usa.com post.com europe.com inbox.com fastmail.com fastmail.fm
		zoho.com zohomail.com zohomail.in tutanota.com tutanota.de tutamail.com tuta.io tuta.com keemail.me hushmail.com hey.com duck.com
		mail.ru bk.ru inbox.ru list.ru internet.ru ya.ru rambler.ru ukr.net i.ua meta.ua
		web.de t-online.de freenet.de arcor.de posteo.de posteo.net mailbox.org online.de
		orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr libero.it virgilio.it tiscali.it alice.it tin.it
		btinternet.com virginmedia.com sky.com talktalk.net blueyonder.co.uk ntlworld.com
		comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net juno.com netzero.net optonline.net
		shaw.ca rogers.com sympatico.ca bigpond.com optusnet.com.au xtra.co.nz
		uol.com.br bol.com.br terra.com.br ig.com.br globo.com globomail.com
		qq.com 163.com 126.com yeah.net sina.com sina.cn sohu.com foxmail.com aliyun.com 139.com 189.cn tom.com
		naver.com hanmail.net daum.net nate.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp
		indiatimes.com sify.com seznam.cz centrum.cz email.cz wp.pl o2.pl onet.pl interia.pl abv.bg mail.bg azet.sk freemail.hu citromail.hu
		telenet.be skynet.be ziggo.nl kpnmail.nl planet.nl home.nl bluewin.ch mynet.com walla.co.il walla.com
		mailinator.com guerrillamail.com 10minutemail.com temp-mail.org tempmail.com yopmail.com trashmail.com getnada.com sharklasers.com
		maildrop.cc dispostable.com mailnesia.com throwawaymail.com simplelogin.com anonaddy.com privaterelay.appleid.com`)
}
