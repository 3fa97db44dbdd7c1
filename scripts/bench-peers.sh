#!/usr/bin/env bash
# Measures others beside this project: scripts/bench-peers.sh RUNS. gohashtree, Tessera and immudb come from the module proxy; PostgreSQL
# is measured where it is installed (Debian: apt-get install postgresql). The raw output goes to bench/results.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p bench/results
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
out=$PWD/bench/results/$(date -u +%Y%m%dT%H%M%SZ)-$commit
CGO_ENABLED=0 go build -trimpath -o bin/jurat ./cmd/jurat
(cd bench/peers && go build -trimpath -o ../../bin/peers .)
bin/peers kernel --runs "$1" --commit "$commit" > "$out-kernel.json"
bin/peers tessera --runs "$1" --commit "$commit" > "$out-tessera.json"
bin/peers immudb --runs "$1" --commit "$commit" > "$out-immudb.json"
if compgen -G '/usr/lib/postgresql/*/bin/postgres' > /dev/null || command -v postgres > /dev/null; then
	bin/jurat bench ingest --runs "$1" --seconds 2 --peer postgres --peer postgres-unindexed --commit "$commit" --json > "$out-ingest.json"
	bin/jurat bench proof --runs "$1" --seconds 2 --peer postgres --commit "$commit" --json > "$out-proof.json"
else
	echo "SKIPPED: PostgreSQL is not installed" >&2
fi
bin/jurat bench report "$out"-*.json
echo "kept in $out-*.json"
