#!/bin/sh
# A canton seals an extract of its debt register, a landlord verifies the paper, the canton revokes it. README.md explains the steps.
set -eu
cd "$(dirname "$0")"
operator=${JURAT_SERVER:-postgres://jurat@127.0.0.1:5433/jurat}
canton=$(echo "$operator" | sed 's|//[^@]*@|//canton@|')
out=${1:-out}
mkdir -p "$out"

echo "== The operator makes a role for the canton; the canton makes its lanes for seals and for what is revoked."
psql "$operator" -Atq -c "SELECT 1 FROM roles WHERE role = 'canton'" | grep -q 1 || psql "$operator" -q -c "CREATE ROLE canton LOGIN"
psql "$canton" -Atq -c "SELECT create_lane('seal'), create_lane('status')" >/dev/null
sleep 2 # a lane is there from the next second on

echo "== The canton seals the extract: $out/extract.pdf is ready to print."
jurat seal --server "$canton" --fields extract.json --not-after 2099-12-31 --profile immediate \
	--pdf extract.pdf --at 135,20 --width 55 --out "$out/extract.pdf" 2>"$out/record.txt"
cat "$out/record.txt" # for the canton's files: with the salt it can make the seal again

echo "== What a verifier needs, once: the calendar's certificate, and the page, which works from a USB stick too."
psql "$operator" -Atq -c "SELECT pem FROM calendar_certificates" >"$out/calendar.crt"
jurat page --out "$out/page"

echo "== The landlord scans the paper."
if command -v pdftoppm >/dev/null && command -v zbarimg >/dev/null; then
	pdftoppm -r 300 -singlefile -png "$out/extract.pdf" "$out/scan"
	zbarimg --quiet --nodbus --raw --oneshot "$out/scan.png" >"$out/seal.txt"
else # without a scanner: the text of the code, made again from the record
	jurat seal --server "$canton" --fields extract.json --not-after 2099-12-31 --profile immediate \
		--salt "$(sed -n 's/.*salt \([0-9a-f]*\)\..*/\1/p' "$out/record.txt")" >"$out/seal.txt"
fi
jurat verify-seal "$out/seal.txt" --certificate "$out/calendar.crt"

echo "== A debt was overlooked: the canton revokes the extract and hands out a new status list."
leaf=$(jurat verify-seal "$out/seal.txt" --certificate "$out/calendar.crt" --json | sed -n 's/.*"leaf": *"\([0-9a-f]*\)".*/\1/p' | head -n 1)
psql "$canton" -Atq -c "INSERT INTO hashes (digest, lane) VALUES (seal_status('\\x$leaf', 'revoked'), 'status') RETURNING receipt"
sleep 2
jurat export --server "$canton" --agency canton --lane status --to "$out/status.bundle" >/dev/null
if jurat verify-seal "$out/seal.txt" --certificate "$out/calendar.crt" --status "$out/status.bundle"; then
	echo "a revoked seal was accepted" >&2
	exit 1
fi
