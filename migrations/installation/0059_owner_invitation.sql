-- +goose Up
-- Operators invite an owner to an organisation that has none, such as one that was imported. No member's own role bounds
-- what such an invitation gives. Whoever renews it takes its place.
alter table identity.invitation add column operator boolean not null default false;
