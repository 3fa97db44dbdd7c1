// Package session joins wire and query: it implements wire.Handler over a query.Engine.
//
// It translates and decides nothing. Type ids, sizes and formats of columns come out of query's types; parameters are
// decoded and rows encoded by query/value, in text or binary as the client asks; rows go straight from the vectors of the
// executor into the buffer of the connection, without memory of their own. COPY data is split into fields by
// wire/copyrow and handed to query as raw fields, and the other way round. Errors of query become wire errors.
//
// Cursors declared BINARY send their rows in binary to the simple protocol, too. Notifications wait in query until the
// connection asks for them.
//
// Who may log in is decided by query.Engine.Open: the database must be the configured one and the role exist. Who may
// connect at all is the server's business.
package session
