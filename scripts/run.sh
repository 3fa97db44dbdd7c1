#!/bin/sh
# Starts a server on ./data, files the hashes of a few of the project's own files, verifies their proofs offline, and
# keeps serving until Ctrl-C.
set -eu
cd "$(dirname "$0")/.."
address=${JURAT_LISTEN:-127.0.0.1:5433}
data=${JURAT_DATA:-data}
proofs=$(mktemp -d)
bin/jurat serve --data "$data" --listen "$address" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" || true; rm -rf "$proofs"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cp README.md LICENSE go.mod "$proofs"
export JURAT_SERVER="postgres://jurat@$address/jurat"
tries=0
until bin/jurat sign --force "$proofs"/README.md "$proofs"/LICENSE "$proofs"/go.mod 2>"$proofs/words"; do
	kill -0 "$server" 2>/dev/null || { echo "the server did not start: see above" >&2; exit 1; }
	tries=$((tries + 1))
	[ "$tries" -lt 50 ] || { cat "$proofs/words" >&2; exit 1; }
	sleep 0.2
done
for file in README.md LICENSE go.mod; do
	bin/jurat verify "$proofs/$file" --certificate "$data/keys/calendar.crt"
done
echo
echo "Serving. Go on with:"
echo "  psql -h ${address%:*} -p ${address##*:} -U jurat jurat"
echo "  jurat=> INSERT INTO hashes (digest) VALUES (sha256('hello')) RETURNING receipt, round, slot_index;"
echo "  jurat=> SELECT proof FROM proofs WHERE digest = sha256('hello');"
echo "Stop with Ctrl-C."
wait "$server"
