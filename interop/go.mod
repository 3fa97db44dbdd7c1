module github.com/jurat-ledger/jurat/interop

go 1.26.0

require (
	github.com/guardtime/goksi v1.0.0
	github.com/jackc/pgx/v5 v5.13.0
)

require (
	github.com/fullsailor/pkcs7 v0.0.0-20190404230743-d7302db945fa // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	golang.org/x/text v0.41.0 // indirect
)
