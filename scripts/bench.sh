#!/usr/bin/env bash
# Runs every benchmark: scripts/bench.sh TIME COUNT. Go's come first, each for TIME and COUNT times, then "jurat bench all".
# The raw output goes to bench/results, one .txt and one .json a run.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p bench/results
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
out=bench/results/$(date -u +%Y%m%dT%H%M%SZ)-$commit
CGO_ENABLED=0 go build -trimpath -o bin/jurat ./cmd/jurat
{
	echo "commit: $commit"
	go version
	grep -m3 -E '^(cpu family|model|model name)\s*:' /proc/cpuinfo || true
	echo "load average: $(cat /proc/loadavg 2>/dev/null || true)"
	echo "flags: -benchtime $1 -count $2"
	go test -run '^$' -bench . -benchmem -benchtime "$1" -count "$2" ./...
} | tee "$out.txt"
bin/jurat bench all --commit "$commit" --json > "$out.json"
bin/jurat bench report "$out.json" | tee -a "$out.txt"
echo "kept in $out.txt and $out.json"
