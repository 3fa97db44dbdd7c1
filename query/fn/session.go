package fn

import (
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/query/value"
)

func sessionFunctions() []*Function {
	name := func(sig string, f func(Session) string) *Function {
		return def(sig, map0[texts](func(env *Env) (string, error) { return f(env.Session), nil }))
	}
	return []*Function{
		name("current_user() name stable", Session.CurrentUser),
		name("session_user() name stable", Session.SessionUser),
		name("current_database() name stable", Session.Database),
		name("version() text stable", Session.Version),
		def("current_schema() name stable", map0[texts](func(env *Env) (string, error) {
			if path := env.Session.SearchPath(false); len(path) > 0 {
				return path[0], nil
			}
			return "", errNull
		})),
		def("current_schemas(bool) _name stable", rowwise(func(env *Env, args []value.Datum) (value.Datum, error) {
			elems := value.NewVector(value.Name, 0)
			for _, s := range env.Session.SearchPath(args[0].Bool()) {
				elems.Append(value.NewBytes(value.Name, []byte(s)))
			}
			return value.ArrayOf(elems), nil
		})),
		def("pg_backend_pid() int4 stable", map0[ints](func(env *Env) (int64, error) { return int64(env.Session.BackendPID()), nil })),
		def("current_setting(text) text stable", map1[texts, texts](func(env *Env, n string) (string, error) {
			return env.Session.Setting(n)
		})),
		def("current_setting(text,bool) text stable", map2[texts, bools, texts](currentSetting)),
		def("set_config(text,text,bool) text volatile nullable", rowwise(setConfig)),
		def("pg_sleep(float8) void volatile", map1[floats, ints](func(env *Env, s float64) (int64, error) {
			return 0, sleep(env, s)
		})),
		def("pg_sleep_for(interval) void volatile", map1[spans, ints](func(env *Env, v value.Interval) (int64, error) {
			days := float64(v.Months)*30 + float64(v.Days)
			return 0, sleep(env, days*86400+float64(v.Micros)/1e6)
		})),
		def("inet_client_addr() inet stable nullable", map0[texts](func(env *Env) (string, error) {
			host, _ := env.Session.ClientAddr()
			return textOrNull(host)
		})),
		def("inet_server_addr() inet stable nullable", map0[texts](func(env *Env) (string, error) {
			host, _ := env.Session.ServerAddr()
			return textOrNull(host)
		})),
		def("inet_client_port() int4 stable nullable", map0[ints](func(env *Env) (int64, error) {
			host, port := env.Session.ClientAddr()
			_, err := textOrNull(host)
			return int64(port), err
		})),
		def("inet_server_port() int4 stable nullable", map0[ints](func(env *Env) (int64, error) {
			host, port := env.Session.ServerAddr()
			_, err := textOrNull(host)
			return int64(port), err
		})),
		def("pg_typeof(any) regtype stable nullable", rowwise(func(_ *Env, args []value.Datum) (value.Datum, error) {
			return value.NewInt(value.Regtype, int64(args[0].Type.OID)), nil
		})),
		def("format_type(oid,int4) text stable nullable", rowwise(formatType)),
		def("getdatabaseencoding() name stable", map0[texts](func(*Env) (string, error) { return "UTF8", nil })),
		def("pg_client_encoding() name stable", map0[texts](func(*Env) (string, error) { return "UTF8", nil })),
		def("pg_encoding_to_char(int4) name stable", map1[ints, texts](encodingName)),
		def("pg_char_to_encoding(name) int4 stable", map1[texts, ints](encodingNumber)),
		def("pg_size_pretty(int8) text", map1[ints, texts](func(_ *Env, n int64) (string, error) { return sizePretty(n), nil })),
		def("pg_size_pretty(numeric) text", map1[nums, texts](func(_ *Env, n value.Numeric) (string, error) { return numericSizePretty(n) })),
		def("pg_column_size(any) int4 stable", rowwise(func(env *Env, args []value.Datum) (value.Datum, error) {
			return value.NewInt(value.Int4, int64(len(args[0].AppendBinary(nil, env.Settings)))), nil
		})),
	}
}

func textOrNull(s string) (string, error) {
	if s == "" {
		return "", errNull
	}
	return s, nil
}

func currentSetting(env *Env, name string, missingOK bool) (string, error) {
	s, err := env.Session.Setting(name)
	if err != nil && missingOK {
		return "", errNull
	}
	return s, err
}

func setConfig(env *Env, args []value.Datum) (value.Datum, error) {
	if args[0].Null {
		return value.Datum{}, value.Errorf(value.CodeNullNotAllowed, "SET requires parameter name")
	}
	name, text := string(args[0].B), string(args[1].B)
	if args[1].Null {
		text = env.Session.DefaultSetting(name)
	}
	s, err := env.Session.SetSetting(name, text, args[2].Bool())
	return value.NewText(s), err
}

// sleep waits, but no longer than the statement may run.
func sleep(env *Env, seconds float64) error {
	if !(seconds > 0) {
		return nil
	}
	timer := time.NewTimer(time.Duration(min(seconds, 1e9) * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-env.Ctx.Done():
	}
	return env.Check()
}

func formatType(_ *Env, args []value.Datum) (value.Datum, error) {
	if args[0].Null {
		return value.Datum{}, errNull
	}
	typmod := int32(-1)
	if !args[1].Null {
		typmod = int32(args[1].I)
	}
	switch t := value.ByOID(value.OID(args[0].I)); {
	case args[0].I == 0:
		return value.NewText("-"), nil
	case t == nil:
		return value.NewText("???"), nil
	case typmod == -1 && !args[1].Null:
		return value.NewText(unmodified(t)), nil
	default:
		return value.NewText(value.FormatType(t, typmod)), nil
	}
}

// unmodified names a type without a modifier where character and bit would have that of one.
func unmodified(t *value.Type) string {
	switch {
	case t == value.Bpchar:
		return "bpchar"
	case t == value.Bit:
		return `"bit"`
	case t.OID == value.Bpchar.Array || t.OID == value.Bit.Array:
		return unmodified(value.MustType(t.Elem)) + "[]"
	}
	return t.SQL
}

// The encodings that exist here, by Postgres' numbers.
var encodings = map[int64]string{0: "SQL_ASCII", 6: "UTF8", 8: "LATIN1"}

func encodingName(_ *Env, n int64) (string, error) { return encodings[n], nil }

func encodingNumber(_ *Env, name string) (int64, error) {
	plain := func(s string) string { return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(s)) }
	for n, e := range encodings {
		if plain(e) == plain(name) {
			return n, nil
		}
	}
	if plain(name) == "unicode" {
		return 6, nil
	}
	return -1, nil
}

var sizeUnits = []string{"bytes", "kB", "MB", "GB", "TB", "PB"}

// sizePretty halves as Postgres does: to the next unit from 10 of the larger on, rounded half up.
func sizePretty(n int64) string {
	for i, u := range sizeUnits {
		limit := int64(10 * 1024)
		if i > 0 {
			limit = 20*1024 - 1
		}
		if -limit < n && n < limit || i == len(sizeUnits)-1 {
			if i > 0 {
				n = halfRounded(n)
			}
			return fmt.Sprintf("%d %s", n, u)
		}
		if i == 0 {
			n /= 1 << 9 // keep one bit for rounding
		} else {
			n /= 1 << 10
		}
	}
	panic("fn: no unit")
}

func halfRounded(n int64) int64 {
	if n < 0 {
		return (n - 1) / 2
	}
	return (n + 1) / 2
}

func numericSizePretty(n value.Numeric) (string, error) {
	for i, u := range sizeUnits {
		limit := int64(10 * 1024)
		if i > 0 {
			limit = 20*1024 - 1
		}
		if !n.Finite() {
			return n.String() + " " + sizeUnits[len(sizeUnits)-1], nil
		}
		if n.Abs().Cmp(value.IntNumeric(limit)) < 0 || i == len(sizeUnits)-1 {
			if i > 0 {
				half, err := n.Add(value.IntNumeric(int64(n.Sign())))
				if err != nil {
					return "", err
				}
				n = value.BigNumeric(new(big.Int).Quo(half.Trunc(0).Coefficient(), big.NewInt(2)), 0)
			}
			return n.String() + " " + u, nil
		}
		unit := int64(1 << 10)
		if i == 0 {
			unit = 1 << 9
		}
		n = value.BigNumeric(new(big.Int).Quo(n.Trunc(0).Coefficient(), big.NewInt(unit)), 0)
	}
	panic("fn: no unit")
}
