// Package interop shows that software of others accepts what Jurat gives out. It holds tests alone and is a module of its
// own, so that Jurat depends on none of that software.
//
// The tests run the real program on a free loopback port, file hashes as an agency does, fetch the signatures and have
// goksi, a verifier of KSI signatures in Go that shares no code with this project, say what it thinks of them. Every
// question is put to "jurat verify" too, and the two must agree: on good signatures, on those of somebody else's calendar
// and on signatures in which one bit is wrong.
//
// goksi trusts calendar keys by a publications file. The tests build one around the calendar certificates of the server,
// sign it as CMS with openssl under a root of their own, and hand it out over HTTP, so that goksi checks all it checks in
// use. Without openssl the file is handed to goksi as trusted, and the tests say so.
//
//	make interop                        in the project's root, or go test -count=1 . here
//	JURAT_INTEROP_BITS=8 go test .      every bit of a proof wrong in turn instead of one in each byte; minutes
package interop
