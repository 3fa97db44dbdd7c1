#!/usr/bin/env bash
# Tests trees with every kernel of package lanes that this machine can run, in FIPS 140 mode, without assembly, and as
# arm64 under qemu-user where that is installed. LANES_REQUIRE=avx512,sha2 fails if one of those cannot take part.
set -euo pipefail
cd "$(dirname "$0")/.."
packages='./merkle ./merkle/internal/lanes'
require=",${LANES_REQUIRE:-},"
unset LANES_REQUIRE
missing() {
	echo "NOT TESTED: $1" >&2
	if [[ $require == *",$1,"* ]]; then exit 1; fi
}
probe=$(mktemp)
trap 'rm -f "$probe"' EXIT
go test -c -o "$probe" ./merkle/internal/lanes
for kernel in avx512 shani avx2 stdlib; do
	if LANES=$kernel "$probe" -test.run '^$' >/dev/null 2>&1; then
		echo "kernel $kernel"
		LANES=$kernel LANES_REQUIRE=$kernel go test -count=1 $packages
	else
		missing $kernel
	fi
done
echo 'benchmarks, once each'
go test -run '^$' -short -bench . -benchtime 1x $packages >/dev/null
echo 'FIPS 140 mode'
GODEBUG=fips140=only go test -count=1 $packages
echo 'without assembly'
go test -count=1 -tags purego $packages
if qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64); then
	echo 'kernel sha2, emulated'
	# TestFIPS starts itself anew, which nothing emulates where the kernel does not know qemu: its inner half runs by itself.
	export GOARCH=arm64 CGO_ENABLED=0
	LANES_REQUIRE=sha2 go test -count=1 -short -skip '^TestFIPS$' -exec "$qemu" ./merkle/internal/lanes
	go test -count=1 -run '^TestFIPS$' -exec "env GODEBUG=fips140=only $qemu" ./merkle/internal/lanes
else
	missing sha2
fi
