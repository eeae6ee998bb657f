package main

import (
	"context"
	"net/url"
)

// LabListCmd lists the catalogue.
type LabListCmd struct {
	remote
	limits
	Query string `arg:"" optional:"" help:"Words to look for."`
}

// Run prints it.
func (c *LabListCmd) Run(ctx context.Context) error {
	q := url.Values{}
	if c.Query != "" {
		q.Set("q", c.Query)
	}
	return c.list(ctx, "/v1/labs?"+q.Encode(), c.Limit, "slug", "title", "level", "stepCount", "points", "version")
}

// LabShowCmd shows one lab.
type LabShowCmd struct {
	remote
	Slug string `arg:"" help:"The lab's slug."`
}

// Run prints it.
func (c *LabShowCmd) Run(ctx context.Context) error {
	return c.show(ctx, "/v1/labs/"+url.PathEscape(c.Slug), "slug", "title", "summary", "level", "durationSeconds", "tags", "stepCount", "points", "version")
}
