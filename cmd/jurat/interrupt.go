package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// errInterrupted says that a command was told to end before it was done.
var errInterrupted = errors.New("interrupted")

// interruptible returns a context that ends when the command is told to end: by Ctrl-C, by SIGTERM, or because its terminal was closed,
// unless it was started to outlive that (nohup). A second signal ends the process at once.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(ctx, signals...)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// untilInterrupted does work that can be interrupted, and then says that, whatever the interruption became on its way.
func untilInterrupted(ctx context.Context, work func(context.Context) error) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	err := work(ctx)
	if err == nil || ctx.Err() == nil || errors.As(err, new(exitStatus)) {
		return err
	}
	errs := []error{errInterrupted}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		errs = append(errs, joined.Unwrap()[1:]...) // of undoing the work, see errors.Join in backup, export, restore
	}
	return errors.Join(errs...)
}
