-- +goose Up
-- The tags of a catalogue are read from the labs that have some.
create index lab_tagged on lab (tenant_id, title, id) where cardinality(tags) > 0 and archived_at is null;
