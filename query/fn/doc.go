// Package fn holds the functions, operators, casts and aggregates of SQL as kernels over vectors, and chooses among them
// by the types of their arguments as Postgres does.
//
// It knows no tables, no statements and no plans. What a function asks of its session it asks of a Session.
//
// # Use
//
// An analyzer resolves a name once:
//
//	call, err := reg.ResolveFunction("sha256", []*value.Type{value.Unknown}, false)
//
// and gets a Call: the function, the type each argument must be coerced to (call.Args; here bytea) and the type of the
// result (call.Ret). It coerces unknown literals with value.ParseText, other expressions with Cast.Eval,
// appends call.Missing defaults, and the executor then runs for every batch
//
//	err = call.Eval(env, out, args, batch.N, batch.Sel)
//
// Strictness is not its business: Eval makes the result null where an argument of a strict function is, and runs the
// kernel for the other rows only. Aggregates run by call.Aggregate, set-returning functions by call.Start. Window
// functions are declared here, for resolution, and computed by the engine.
//
// Not functions but forms of the language, and therefore the engine's: AND, OR, NOT, IS, CASE, COALESCE, NULLIF, GREATEST,
// LEAST, IN, ANY, subscripts, rows. CommonType chooses their types.
//
// # Adding functions
//
// Builtins is the registry of this package; With adds more, for instance those that need a catalog. A function here is
// declared by its signature in the names of pg_type,
//
//	def("left(text,int4) text", map2[strs, ints, strs](left))
//
// immutable and strict unless words behind say otherwise. map1, map2, map3 make kernels of functions of Go values; rowwise
// takes a row of any values; a function whose kernel depends on the types of the call has Bind.
//
// # Limits
//
// Strings that functions make end at MaxOutput, bit strings at as many bits, arrays at 4 M elements (54000); what is large or made of
// much less asks the statement's budget first (room.go). Long kernels look at Env.Ctx. Regular
// expressions are Go's, in linear time: back references and look-around are refused (0A000). LIKE takes no more than the
// product of the lengths. Powers and exponentials of numeric end at 5,000 digits if the exponent is broken.
//
// # Differences from Postgres
//
// Strings compare by bytes (collation C), and case follows Unicode. to_timestamp reads plain dates, times and offsets. json
// values keep their text, jsonb values are normal texts, read anew by every operator.
//
// # Debugging
//
// testdata/expressions holds expressions with the answers of PostgreSQL 15. With JURAT_POSTGRES set to the address of one
// ("host=127.0.0.1 port=5432 user=postgres"), the tests ask it again, compare binary forms, signatures and casts with its
// catalog, and -rewrite writes its answers down.
package fn
