-- +goose Up
-- Upgrades in waves: the pool, then the silos that go first, then the rest.

alter table control.tenant add column canary boolean not null default false; -- its silo goes first
grant update (canary) on control.tenant to cloudkida_control;
grant update (problem) on app.tenant_scope to cloudkida_control;
