package main

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/pflag"
)

// logFlags say how a server logs.
type logFlags struct{ format, level string }

func (l *logFlags) add(f *pflag.FlagSet) {
	f.StringVar(&l.format, "log-format", "text", "form of the log: text or json, a line an event")
	f.StringVar(&l.level, "log-level", "info", "least level of what is logged: debug, info, warn or error; each connection is logged at debug")
}

// logger returns the logger that the flags ask for.
func (l *logFlags) logger(to io.Writer) (*slog.Logger, error) {
	var o slog.HandlerOptions
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.level)); err != nil {
		return nil, fmt.Errorf("--log-level %q: want debug, info, warn or error", l.level)
	}
	o.Level = level
	switch l.format {
	case "text":
		return slog.New(slog.NewTextHandler(to, &o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(to, &o)), nil
	}
	return nil, fmt.Errorf("--log-format %q: want text or json", l.format)
}
