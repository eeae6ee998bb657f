// Package lettertest writes letters in tests, in the words of the program.
package lettertest

import (
	"context"
	"log/slog"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/brand"
	"github.com/cloudkida/cloudkida/internal/platform/letter"
)

// Writer writes what to sends. Every organisation calls itself name.
func Writer(to letter.Sender, name string) *letter.Writer {
	book, err := letter.NewBook()
	if err != nil {
		panic(err) // the texts are in the program
	}
	return &letter.Writer{
		Book: book, Mail: to, Log: slog.New(slog.DiscardHandler),
		Voice: func(context.Context, uuid.UUID) (letter.Voice, error) {
			return letter.Voice{Name: name, Accent: brand.DefaultPrimary}, nil
		},
	}
}
