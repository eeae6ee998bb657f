// Package text holds what the hosted pages and the mail of identity say, in every language.
package text

import (
	"embed"

	"golang.org/x/text/language"

	"github.com/cloudkida/cloudkida/internal/platform/words"
)

//go:embed *.json
var files embed.FS

// New reads the texts: English, which is complete by definition, and the translations.
func New() (*words.Catalogue, error) {
	return words.New(files, language.English, language.Hindi)
}
