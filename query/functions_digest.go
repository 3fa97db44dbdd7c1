package query

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strings"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// digestFunctions are digest(data, type) of Postgres' extension pgcrypto, of bytes and of a text in UTF-8.
func digestFunctions() []*fn.Function {
	declare := func(oid, data value.OID) *fn.Function {
		return &fn.Function{OID: oid, Name: "digest", Args: []value.OID{data, value.TextOID}, Ret: value.ByteaOID, Strict: true,
			Volatility: fn.Immutable, Kernel: rowFunc(digest).kernel}
	}
	return []*fn.Function{declare(16620, value.TextOID), declare(16621, value.ByteaOID)}
}

// digest hashes what is given by the algorithm that a name, in letters of any case, stands for.
func digest(_ *fn.Env, args []value.Datum) (value.Datum, error) {
	var h hash.Hash
	switch name := strings.ToLower(string(args[1].B)); name {
	case "md5":
		h = md5.New()
	case "sha1":
		h = sha1.New()
	case "sha224":
		h = sha256.New224()
	case "sha256":
		h = sha256.New()
	case "sha384":
		h = sha512.New384()
	case "sha512":
		h = sha512.New()
	default:
		return value.Datum{}, errf(codeInvalidParameter, "Cannot use \"%s\": No such hash algorithm", name).
			hint("It computes md5, sha1, sha224, sha256, sha384 and sha512.")
	}
	h.Write(args[0].B)
	return value.NewBytes(value.Bytea, h.Sum(nil)), nil
}
