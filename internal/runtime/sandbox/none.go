package sandbox

import (
	"context"
	"errors"
	"net"
	"time"
)

// None is the provider of a process that runs no environments.
type None struct{}

var errNone = errors.New("sandbox: this process runs no environments; start one with the lab role")

// Provision fails: there is no place here.
func (None) Provision(context.Context, Spec, func(Step)) error { return errNone }

// Attach fails: nothing runs here.
func (None) Attach(context.Context, string, Attachment) (Terminal, error) { return nil, ErrNotFound }

// Exec fails: nothing runs here.
func (None) Exec(context.Context, string, Command) (Result, error) { return Result{}, ErrNotFound }

// Dial fails: nothing runs here.
func (None) Dial(context.Context, string, uint16) (net.Conn, error) { return nil, ErrNotFound }

// Watch fails: nothing runs here.
func (None) Watch(context.Context, string) (<-chan Activity, error) { return nil, ErrNotFound }

// Extend fails: nothing runs here.
func (None) Extend(context.Context, string, time.Time) error { return ErrNotFound }

// Destroy has nothing to destroy.
func (None) Destroy(context.Context, string) error { return nil }

// List is empty.
func (None) List(context.Context) ([]string, error) { return nil, nil }
