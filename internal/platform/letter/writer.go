package letter

import (
	"cmp"
	"context"
	"fmt"
	htmltemplate "html/template"
	"log/slog"
	"maps"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/brand"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
	"github.com/cloudkida/cloudkida/internal/platform/words"
)

// Voice is how an organisation, or the installation, appears in its letters.
type Voice struct {
	Name     string       // what it calls itself
	Provider string       // what the installation calls itself
	Locale   string       // its language, for readers of whom none is known; "" for none
	Accent   brand.Colour // of buttons
	Logo     string       // address of a picture; "" for none
	Ground   string       // colour, #rrggbb, that the picture needs behind it; "" for none
	Support  string       // where its people ask; "" for nowhere
}

// Sender queues mail in a transaction.
type Sender interface {
	Send(ctx context.Context, tx pgx.Tx, m mail.Message) error
}

// Writer puts drafts into words and sends them. Its fields are set before it is used.
type Writer struct {
	Book   *Book
	Mail   Sender
	Locale string // the installation's language, for readers of whom none is known
	Log    *slog.Logger
	// Voice is how an organisation appears, or the installation for the zero id; nil: as the program does.
	Voice func(ctx context.Context, tenant uuid.UUID) (Voice, error)
	// Own is what an organisation says itself in a kind of letter, an empty source where it says nothing; nil: none does.
	Own func(ctx context.Context, tenant uuid.UUID, kind, locale string) (Source, error)
}

// Send writes a draft and queues it in tx, which is of the control or the identity role.
func (w *Writer) Send(ctx context.Context, tx pgx.Tx, d Draft) error {
	m, err := w.Write(ctx, d)
	if err != nil {
		return err
	}
	return w.Mail.Send(ctx, tx, m)
}

// Write puts a draft into words: the organisation's own, or the program's where it has none or they cannot be used. What an
// organisation has written never keeps a letter from its reader.
func (w *Writer) Write(ctx context.Context, d Draft) (m mail.Message, err error) {
	k, ok := KindNamed(d.Kind)
	if !ok {
		return m, fmt.Errorf("there is no letter %q", d.Kind)
	}
	voice := Voice{Name: brand.Product, Accent: brand.DefaultPrimary}
	if w.Voice != nil {
		if voice, err = w.Voice(ctx, d.Tenant); err != nil {
			return m, err
		}
	}
	l := w.Book.Locale(append(append([]string{}, d.Locales...), voice.Locale, w.Locale)...)
	if own := w.own(ctx, d, k, l.Tag()); !own.Empty() {
		if m, err = w.Book.Write(k, l, own, voice, d); err == nil {
			return m, nil
		}
		w.Log.WarnContext(ctx, "an organisation's own letter cannot be used; the program's is sent", "tenant", d.Tenant, "kind", d.Kind, "locale", l.Tag(), "error", err)
	}
	return w.Book.Write(k, l, Source{}, voice, d)
}

func (w *Writer) own(ctx context.Context, d Draft, k Kind, locale string) Source {
	if w.Own == nil || d.Tenant == uuid.Nil || k.Author == Program {
		return Source{}
	}
	own, err := w.Own(ctx, d.Tenant, d.Kind, locale)
	if err != nil {
		w.Log.WarnContext(ctx, "an organisation's own letter cannot be read; the program's is sent", "tenant", d.Tenant, "kind", d.Kind, "error", err)
		return Source{}
	}
	return own
}

// frame is what stands around the content of every letter.
type frame struct {
	Voice
	Lang, Dir, Subject, Text, Through, Support string
	HTML                                       htmltemplate.HTML
}

// Write puts a draft into the words of a source, with the program's own where it has none.
func (b *Book) Write(k Kind, l words.Locale, own Source, voice Voice, d Draft) (m mail.Message, err error) {
	s := own.over(b.Source(k, l.Tag()))
	values := maps.Clone(d.Values)
	if values == nil {
		values = map[string]string{}
	}
	values[tenantName], values[accent] = voice.Name, voice.Accent.String()
	values[accentText] = readableOn(voice.Accent)
	if err := k.checkValues(values); err != nil {
		return m, err
	}
	m = mail.Message{Tenant: d.Tenant, To: d.To, Kind: d.Kind, Keep: k.Keep, About: d.About, Locale: l.Tag()}
	f := frame{Voice: voice, Lang: l.Tag(), Dir: l.Dir()}
	if m.Subject, err = k.fill(partSubject, s.Subject, values); err != nil {
		return m, err
	}
	m.Subject = clip(m.Subject)
	if f.Text, err = k.fill(partText, s.Text, values); err != nil {
		return m, err
	}
	rich, err := k.fill(partHTML, s.HTML, values)
	if err != nil {
		return m, err
	}
	f.Subject, f.HTML = m.Subject, htmltemplate.HTML(rich) //nolint:gosec // fill has cleaned it
	// Whose words it has is said where no organisation can leave it out.
	if provider := cmp.Or(voice.Provider, brand.Product); d.Tenant != uuid.Nil && voice.Name != provider {
		f.Through = l.Text("letter.through", "product", provider, "tenant", voice.Name)
	}
	if voice.Support != "" {
		f.Support = l.Text("letter.support", "support", voice.Support)
	}
	var plain, whole strings.Builder
	if err := b.frame.text.Execute(&plain, f); err != nil {
		return m, fmt.Errorf("letter %s: %w", k.Name, err)
	}
	if err := b.frame.html.Execute(&whole, f); err != nil {
		return m, fmt.Errorf("letter %s: %w", k.Name, err)
	}
	m.Text, m.HTML = plain.String(), whole.String()
	return m, m.Check()
}

// clip bounds a subject, which grows with the name of an organisation.
func clip(subject string) string {
	if runes := []rune(subject); len(runes) > MaxSubject {
		return string(runes[:MaxSubject-1]) + "…"
	}
	return subject
}

// readableOn is the colour of text on a background: black or white, whichever has more contrast.
func readableOn(background brand.Colour) string {
	const white, black brand.Colour = 0xffffff, 0
	if brand.Contrast(background, white) >= brand.Contrast(background, black) {
		return white.String()
	}
	return black.String()
}
