// Package server composes a Jurat server: store, index, ledger, query engine, sessions and listeners, in the order in
// which they start and, backwards, stop. It decides nothing itself.
//
// # The data directory
//
//	data/
//	  store/                 the ledger (package storage); one process at a time
//	  keys/calendar.key      private key of the calendar, PKCS #8 PEM, mode 0600
//	  keys/calendar.crt      its certificate, PEM: what verifiers need; also in SQL, table calendar_certificates
//	  restored.json          in a directory made by jurat restore: it is served with Config.ReadOnly alone
//	  backup.tmp/            while a backup is made: its checkpoint (package storage/backup)
//
// The first start makes all of it, the store before the keys and the index: where there is something of these but no store, a ledger is
// missing, and none is made. A later start without the key is refused: the key may be lost, or the directory may
// be another one than meant.
//
// # Stopping
//
// When the context of Run ends, no new connection is accepted, running statements end, the ledger commits what waits
// and closes the open round at its second, and the store is closed. A second signal is the caller's business: after
// kill -9 the next start recovers all that was acknowledged.
package server
