#!/usr/bin/env bash
# Runs every fuzz target of the project for the given time each, and fails if one of them did: scripts/fuzz.sh 30s
set -euo pipefail
cd "$(dirname "$0")/.."
failed=
for package in $(go list ./...); do
	list=$(go test -list '^Fuzz' "$package")
	for target in $(grep '^Fuzz' <<<"$list" || true); do
		echo "$package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" -fuzzminimizetime 10x "$package" || failed+=" $package:$target"
	done
done
[ -z "$failed" ] || { echo "failed:$failed"; exit 1; }
