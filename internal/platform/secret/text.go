package secret

import "log/slog"

// Hidden stands in place of a secret wherever one is written by mistake.
const Hidden = "[redacted]"

// Text is a secret that is shown nowhere by accident: it becomes Hidden in JSON, in logs and in every form of fmt. Reveal is
// the one way to it.
type Text struct{ value string }

// NewText makes a secret of a text.
func NewText(value string) Text { return Text{value} }

// Reveal is the secret itself, for the one place that needs it.
func (t Text) Reveal() string { return t.value }

// String hides the secret.
func (Text) String() string { return Hidden }

// GoString hides the secret.
func (Text) GoString() string { return Hidden }

// LogValue hides the secret.
func (Text) LogValue() slog.Value { return slog.StringValue(Hidden) }

// MarshalText hides the secret in JSON and everything else that encodes texts.
func (Text) MarshalText() ([]byte, error) { return []byte(Hidden), nil }
