// Package tidy is the project's own lint. It has no code of its own: go test ./internal/tidy checks the layers, the
// sizes of functions and files, the comments of public identifiers and a few words that have no place in the source.
package tidy
