#!/usr/bin/env bash
# Compares tree builders: scripts/bench-trees.sh. The raw output goes to bench/results, one file a run.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p bench/results
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
out=bench/results/$(date -u +%Y%m%dT%H%M%SZ)-$commit-trees.txt
{
	echo "commit: $commit"
	go version
	grep -m3 -E '^(cpu family|model|model name)\s*:' /proc/cpuinfo || true
	grep -m1 '^flags' /proc/cpuinfo | tr ' ' '\n' | grep -E '^(sha_ni|avx2|avx512f|avx512_vbmi2)$' | tr '\n' ' ' || true
	echo
	echo "load average: $(cat /proc/loadavg 2>/dev/null || true)"
	(cd bench/trees && go vet . && go run . && go run . -leaves 30)
	echo "load average: $(cat /proc/loadavg 2>/dev/null || true)"
} | tee "$out"
echo "kept in $out"
