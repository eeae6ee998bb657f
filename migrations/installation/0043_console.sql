-- +goose Up
-- Operators who have entered a tenant can leave before their hour is over.
grant update (until) on control.operator_entry to cloudkida_control;
