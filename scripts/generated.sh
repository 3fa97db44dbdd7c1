#!/usr/bin/env bash
# Fails if the assembly that is checked in is not what its generator writes now; afterwards it is.
set -euo pipefail
cd "$(dirname "$0")/../merkle/internal/lanes"
before=$(sha256sum kernels_*)
(cd _asm && go vet .)
go generate .
if [ "$before" != "$(sha256sum kernels_*)" ]; then
	echo 'merkle/internal/lanes: the assembly was out of date; it is new now, review and commit it' >&2
	exit 1
fi
