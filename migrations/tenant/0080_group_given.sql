-- +goose Up
-- Which identity provider of the organisation's said that somebody is in a group: what it no longer says, it takes back. Who
-- was added by hand stays until somebody removes them by hand. The provider is a row of another schema, so this is its id alone.
alter table group_member add column given_by uuid; -- null: by hand
