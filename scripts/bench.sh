#!/usr/bin/env bash
# Runs every benchmark: scripts/bench.sh TIME COUNT. The raw output goes to bench/results, one file a run.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p bench/results
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
out=bench/results/$(date -u +%Y%m%dT%H%M%SZ)-$commit.txt
{
	echo "commit: $commit"
	go version
	grep -m1 'model name' /proc/cpuinfo || true
	echo "load average: $(cat /proc/loadavg 2>/dev/null || true)"
	echo "flags: -benchtime $1 -count $2"
	go test -run '^$' -bench . -benchmem -benchtime "$1" -count "$2" ./...
} | tee "$out"
echo "kept in $out"
