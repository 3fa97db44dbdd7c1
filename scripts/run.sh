#!/bin/sh
# Starts a server on ./data, files the hashes of a few of the project's own files, verifies their proofs offline, and
# keeps serving until Ctrl-C.
set -eu
cd "$(dirname "$0")/.."
address=${JURAT_LISTEN:-127.0.0.1:5433}
data=${JURAT_DATA:-data}
work=$(mktemp -d)
bin/jurat serve --data "$data" --listen "$address" 2>"$work/log" &
server=$!
tail -f "$work/log" >&2 &
log=$!
# Ctrl-C reaches the server too: all that is left to do is to wait for it. A second signal would end it at once.
trap 'wait "$server" || true' INT
trap 'kill "$server" 2>/dev/null || true; wait "$server" || true' TERM
trap 'kill "$server" "$log" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

until grep -q msg=ready "$work/log"; do
	kill -0 "$server" 2>/dev/null || { sleep 0.2; exit 1; }
	sleep 0.1
done
cp README.md LICENSE go.mod "$work"
export JURAT_SERVER="postgres://jurat@$address/jurat"
export XDG_CONFIG_HOME="$work/config" # what this server's throw-away key signs is trusted here alone
bin/jurat sign "$work"/README.md "$work"/LICENSE "$work"/go.mod
for file in README.md LICENSE go.mod; do
	bin/jurat verify "$work/$file" --certificate "$data/keys/calendar.crt"
done
cat <<END

Serving. Go on with:
  psql -h ${address%:*} -p ${address##*:} -U jurat jurat
  jurat=> INSERT INTO hashes (digest) VALUES (sha256('hello')) RETURNING receipt, round, slot_index;
  jurat=> SELECT proof FROM proofs WHERE digest = sha256('hello');
Stop with Ctrl-C.
END
wait "$server"
