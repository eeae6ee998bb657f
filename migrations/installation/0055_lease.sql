-- +goose Up
-- Who changes one resource of the API at this moment: between the comparison of its ETag and the change nobody else may.
-- Rows live as long as a request; what a crash left is anybody's once it has lapsed.

create table control.lease (
  resource bytea primary key check (length(resource) = 32), -- a hash: whose resource it is tells nobody
  holder uuid not null,
  until timestamptz not null
);
grant select, insert, update, delete on control.lease to cloudkida_control;
