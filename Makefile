# The commands of the project. "make run" and "make test" need Go alone; what a target needs besides it says itself.

GO          ?= go
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 30s
SOAKTIME    ?= 2h
BENCHTIME   ?= 1s
BENCHCOUNT  ?= 6
BENCHRUNS   ?= 3

.PHONY: run build page test race check vet-modules interop kernels bench bench-peers bench-trees bench-report fuzz soak dist dist-check generate clean

# Build, start on ./data, file a few of the project's own files and verify their proofs, keep serving.
run: build
	@scripts/run.sh

build: page
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/jurat ./cmd/jurat

# The verifier of the verification page, which the program embeds: compiled to WebAssembly and packed, the same bytes every time.
page:
	$(GO) run ./page/packer page/built

# Tests; psql and Debian's PostgreSQL are used where they are installed.
test:
	$(GO) test -timeout 10m ./...

# The same under the race detector, which needs a C compiler.
race:
	CGO_ENABLED=1 $(GO) test -race -short -timeout 20m ./...

check: vet-modules
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'run gofmt -w on these files'; exit 1; }
	$(GO) vet ./...
	GOARCH=arm64 $(GO) vet ./...
	$(GO) vet -tags purego ./merkle/... ./wire/...
	@scripts/generated.sh
	$(GO) run $(STATICCHECK) ./...
	$(GO) mod verify
	$(GO) test ./internal/tidy

# The modules of their own, which ./... leaves out. Beside the rest of check with make -j2.
vet-modules:
	cd interop && $(GO) vet ./...
	cd bench/peers && $(GO) vet ./...
	cd bench/trees && $(GO) vet ./...
	cd cmd/jurat/testdata/clients/lib_pq && $(GO) vet ./...

# Whether goksi, a KSI SDK of others, works with the gateway and accepts our proofs. A module of its own.
interop:
	cd interop && $(GO) vet ./... && $(GO) test -count=1 -timeout 20m ./...

# Trees with every kernel that this machine can run, and arm64's where qemu-user is installed.
kernels:
	@scripts/kernels.sh

# Benchmarks with fixed seeds, Go's and "jurat bench all"; the output is kept under bench/results.
bench:
	@scripts/bench.sh "$(BENCHTIME)" "$(BENCHCOUNT)"

# Others beside us, alternately on this machine: gohashtree, Tessera and, where it is installed, PostgreSQL.
bench-peers:
	@scripts/bench-peers.sh "$(BENCHRUNS)"

# How fast trees are built, beside crypto/sha256 and gohashtree. A module of its own; the output is kept too.
bench-trees:
	@scripts/bench-trees.sh

# A page of plots of everything under bench/results.
bench-report: build
	bin/jurat bench report bench/results/*.json -o bin/bench.html

# Every fuzz target for FUZZTIME each.
fuzz:
	@scripts/fuzz.sh "$(FUZZTIME)"

# Long runs: one ledger through life after life under load, kill -9, hostile clients, EIO, full disks, wrong clocks, torn logs and flipped
# bits for SOAKTIME, which prints its seed and rewrites docs/reliability.md; then larger random worlds of all tests. JURAT_SOAK is
# read by the tests.
soak:
	$(GO) test -count=1 -timeout 0 -run 'TestSoak$$' ./cmd/jurat -v -soak.time=$(SOAKTIME) -soak.report=$(CURDIR)/docs/reliability.md
	JURAT_SOAK=1 $(GO) test -count=1 -timeout 4h ./...

# What is released of HEAD, into bin/dist: tarballs and Debian packages, the same bytes every time.
dist:
	@scripts/dist.sh

# The same twice, from different directories and with nothing kept of the first build: whether the bytes are the same, the tarballs
# hold what they should, and the programs are static. Takes some minutes, and readelf of Debian's binutils.
dist-check:
	@scripts/dist.sh --check

# Rewrites generated tables and assembly; review the difference.
generate:
	$(GO) generate ./...

clean:
	rm -rf bin page/built/*.lzma page/built/wasm_exec.js
