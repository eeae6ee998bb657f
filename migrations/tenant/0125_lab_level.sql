-- +goose Up
-- The catalogue of one level, by title and by age.
create index lab_level_title on lab (tenant_id, level, title, id) where archived_at is null;
create index lab_level on lab (tenant_id, level, id) where archived_at is null;
