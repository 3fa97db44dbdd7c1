//go:build !linux

package main

// reloadingState is what systemd is told when a reload begins. There is none here.
func reloadingState() string { return "RELOADING=1" }
