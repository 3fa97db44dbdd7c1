module github.com/jurat-ledger/jurat/cmd/jurat/testdata/clients/lib_pq

go 1.26.0

require github.com/lib/pq v1.12.3
