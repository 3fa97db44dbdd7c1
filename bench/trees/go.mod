module github.com/jurat-ledger/jurat/bench/trees

go 1.26.0

require (
	github.com/jurat-ledger/jurat v0.0.0
	github.com/prysmaticlabs/gohashtree v0.0.4-beta
	golang.org/x/sys v0.50.0
)

require github.com/klauspost/cpuid/v2 v2.0.9 // indirect

replace github.com/jurat-ledger/jurat => ../..
