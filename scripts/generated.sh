#!/usr/bin/env bash
# Fails if the assembly that is checked in is not what its generators write now; afterwards it is.
set -euo pipefail
cd "$(dirname "$0")/.."
sums() { find "$1" -maxdepth 1 -name '*.[gs]*' -exec sha256sum {} + | sort; }
for package in merkle/internal/lanes wire/copyrow/internal/hexrows; do
	before=$(sums "$package")
	(cd "$package/_asm" && go vet .)
	(cd "$package" && go generate .)
	if [ "$before" != "$(sums "$package")" ]; then
		echo "$package: the assembly was out of date; it is new now, review and commit it" >&2
		exit 1
	fi
done
