package mailproof

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
	"github.com/cloudkida/cloudkida/internal/platform/words"
)

// product writes the letters of pools that no organisation has to itself.
const product = "Cloudkida"

// letter is one mail in words: its texts are those of the keys mail.KIND.*.
type letter struct {
	kind  string
	to    string
	link  string
	pairs []any // for the texts. Nothing that a stranger can type is among them: we carry nobody's words to others
	keep  bool  // it lets nobody in
}

// post queues a letter in tx.
func (s *Service) post(ctx context.Context, tx pgx.Tx, l words.Locale, m letter) error {
	written, err := write(l, m)
	if err != nil {
		return err
	}
	return s.Send(ctx, tx, written)
}

// CodeLetter is the mail with a code of the second step, in the user's language.
func (s *Service) CodeLetter(ctx context.Context, tx pgx.Tx, user uuid.UUID, code string) (mail.Message, error) {
	var who account
	if err := tx.QueryRow(ctx, `select locale from identity."user" where id = $1`, user).Scan(&who.Locale); err != nil {
		return mail.Message{}, fmt.Errorf("read user: %w", err)
	}
	return write(s.localeOf(who, s.Words.Match()), letter{kind: "code", pairs: []any{"code", code}})
}

// write puts a letter into words.
func write(l words.Locale, m letter) (mail.Message, error) {
	say := func(part string) string { return l.Text("mail."+m.kind+"."+part, m.pairs...) }
	written := mail.Letter{
		Lang: l.Tag(), Dir: l.Dir(), Brand: product, Title: say("title"), Paragraphs: []string{say("text")}, Closing: []string{say("closing")},
		Link: m.link, Fallback: l.Text("mail.fallback"),
	}
	if m.link != "" {
		written.Button = say("button")
	}
	text, html, err := written.Render()
	if err != nil {
		return mail.Message{}, fmt.Errorf("write %s: %w", m.kind, err)
	}
	return mail.Message{To: m.to, Subject: say("subject"), Text: text, HTML: html, Kind: "identity." + m.kind, Keep: m.keep}, nil
}

// PasswordChanged tells an account's owner, in the transaction that changes the password.
func (s *Service) PasswordChanged(ctx context.Context, tx pgx.Tx, pool access.Pool, email string, otherwise words.Locale) error {
	who, err := accountOf(ctx, tx, pool, email)
	if err != nil {
		return err
	}
	if s.Send == nil || !mail.ValidAddress(who.Email) {
		return nil // an address that no mail reaches, such as one with a name of a machine
	}
	return s.post(ctx, tx, s.localeOf(who, otherwise), letter{kind: "changed", to: who.Email, link: s.Issuer(pool) + "/forgot", keep: true})
}

// localeOf is the language that an account's owner has chosen, else another one.
func (s *Service) localeOf(who account, otherwise words.Locale) words.Locale {
	if who.Locale == "" {
		return otherwise
	}
	return s.Words.Match(who.Locale)
}
