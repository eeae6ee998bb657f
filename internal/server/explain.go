package server

import (
	_ "embed"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

//go:embed fields.txt
var fieldTexts string

// explain completes the API's description: see httpx.Explain.
func explain(api huma.API) { httpx.Explain(api, fieldMeanings()) }

// fieldMeanings are the lines of fields.txt, by the names of fields.
func fieldMeanings() map[string]string {
	meanings := map[string]string{}
	for line := range strings.Lines(fieldTexts) {
		if name, text, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			meanings[name] = text
		}
	}
	return meanings
}
