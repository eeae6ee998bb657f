-- +goose Up
-- Members are listed by when they joined, too.
create index membership_joined on identity.membership (tenant_id, created_at, user_id) where status <> 'removed';

-- A user pool of one's own comes with the sign-up alone (docs/adr/0029): an upgrade leaves accounts where they are. What an
-- operator wrote in its place stays.
update control.tier set summary = 'A silo: own schema and database role. Own sign-in when you begin with this plan.'
  where name = 'platinum' and summary = 'A silo: own schema, own database role, own user pool.';
