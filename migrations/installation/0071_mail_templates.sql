-- +goose Up
-- Plans in which organisations write their letters themselves.

update control.tier set features = features || '{mail-templates}'::text[], version = version + 1, updated_at = now()
  where name in ('premium', 'platinum') and not 'mail-templates' = any (features);
