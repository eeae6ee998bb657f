-- +goose Up
-- Letters name the logo of the day on which they were written: those before it stay for a while, the oldest goes first.
alter table control.brand_picture add column created_at timestamptz not null default now();
