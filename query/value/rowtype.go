package value

import (
	"encoding/binary"
	"strings"
	"sync"
)

// A Field is a column of a row type.
type Field struct {
	Name string
	Type *Type
}

// IsRow reports whether the values of t are records: t is record or the row type of a table.
func (t *Type) IsRow() bool { return t == RecordT || t.Fields != nil }

// rowTypes are the row types of tables and the types of arrays of them, by OID and by name.
var rowTypes sync.Map

// RowType returns the row type of a table: its values are records with these fields. The type of arrays of it has the OID after its
// own. The object ids and columns of tables are fixed, so a type that was declared before is returned; RowType panics where it
// has another name.
func RowType(oid OID, name string, fields []Field) *Type {
	return CatalogRowType(oid, oid+1, name, name, fields)
}

// CatalogRowType is RowType for the tables of the system catalog, whose types PostgreSQL numbers: array is the OID of the type of arrays, and
// sql the name with the schema, if it needs one.
func CatalogRowType(oid, array OID, name, sql string, fields []Field) *Type {
	if known, ok := rowTypes.Load(oid); ok {
		t := known.(*Type)
		if t.SQL != sql {
			panic("value: the OID of the row type " + sql + " is that of " + t.SQL)
		}
		return t
	}
	t := &Type{OID: oid, Name: name, SQL: sql, Len: -1, Category: 'C', Array: array, Kind: Boxed, Fields: fields}
	a := &Type{OID: array, Name: "_" + name, SQL: sql + "[]", Len: -1, Category: 'A', Elem: oid, Kind: Boxed}
	rowTypes.Store(a.OID, a)
	rowTypes.Store(a.SQL, a)
	rowTypes.Store(t.SQL, t)
	known, _ := rowTypes.LoadOrStore(oid, t) // of two engines that begin at once, one declares it
	return known.(*Type)
}

// rowTypeAt returns the row type, or the type of arrays of one, with an OID or a name in SQL, nil if there is none.
func rowTypeAt(key any) *Type {
	if t, ok := rowTypes.Load(key); ok {
		return t.(*Type)
	}
	return nil
}

// recordReader reads the text of a record.
type recordReader struct {
	text []byte
	at   int
}

// next reports whether the next byte is c.
func (r *recordReader) next(c byte) bool { return r.at < len(r.text) && r.text[r.at] == c }

func (r *recordReader) skipSpace() {
	for r.at < len(r.text) && isSpace(r.text[r.at]) {
		r.at++
	}
}

// field reads a field; null says that nothing at all stands there. ok is false where the text ends too early.
func (r *recordReader) field() (text []byte, null, ok bool) {
	if r.next(',') || r.next(')') {
		return nil, true, true
	}
	for quoted := false; quoted || !r.next(',') && !r.next(')'); {
		if r.at == len(r.text) {
			return nil, false, false
		}
		c := r.text[r.at]
		r.at++
		switch {
		case c == '\\':
			if r.at == len(r.text) {
				return nil, false, false
			}
			text = append(text, r.text[r.at])
			r.at++
		case c == '"' && quoted && r.next('"'):
			text = append(text, c)
			r.at++
		case c == '"':
			quoted = !quoted
		default:
			text = append(text, c)
		}
	}
	return text, false, true
}

// parseRow reads "(1,\"a b\",)" as a value of a row type.
func parseRow(s *Settings, t *Type, text []byte) (Datum, error) {
	malformed := func(detail string) (Datum, error) {
		err := Errorf(CodeBadText, "malformed record literal: \"%s\"", text)
		err.Detail = detail
		return Datum{}, err
	}
	r := recordReader{text: text}
	if r.skipSpace(); !r.next('(') {
		return malformed("Missing left parenthesis.")
	}
	r.at++
	rec := &Record{Names: t.fieldNames()}
	for i, f := range t.Fields {
		if i > 0 {
			if !r.next(',') {
				return malformed("Too few columns.")
			}
			r.at++
		}
		part, null, ok := r.field()
		if !ok {
			return malformed("Unexpected end of input.")
		}
		d, err := Null(f.Type), error(nil)
		if !null {
			d, err = ParseText(s, f.Type, -1, part)
		}
		if err != nil {
			return d, err
		}
		rec.Fields = append(rec.Fields, d)
	}
	if !r.next(')') {
		return malformed("Too many columns.")
	}
	r.at++
	if r.skipSpace(); r.at < len(text) {
		return malformed("Junk after right parenthesis.")
	}
	return NewBox(t, rec), nil
}

// fieldNames returns the names of the fields of a row type.
func (t *Type) fieldNames() []string {
	names := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		names[i] = f.Name
	}
	return names
}

// parseBinaryRow reads the number of fields, and of each its type, its length, -1 for null, and its bytes.
func parseBinaryRow(s *Settings, t *Type, data []byte) (Datum, error) {
	word := func() (n uint32, ok bool) {
		if len(data) < 4 {
			return 0, false
		}
		n, data = binary.BigEndian.Uint32(data), data[4:]
		return n, true
	}
	n, ok := word()
	if !ok {
		return Datum{}, errShort
	}
	if int64(n) != int64(len(t.Fields)) {
		return Datum{}, Errorf(CodeDatatypeMismatch, "wrong number of columns: %d, expected %d", int32(n), len(t.Fields))
	}
	rec := &Record{Names: t.fieldNames()}
	for i, f := range t.Fields {
		oid, _ := word()
		size, ok := word()
		if !ok || int32(size) > int32(len(data)) || int32(size) < -1 {
			return Datum{}, errShort
		}
		if oid != f.Type.OID {
			return Datum{}, Errorf(CodeDatatypeMismatch, "binary data has type %d instead of expected %d (%s) in record column %d",
				oid, f.Type.OID, f.Type.SQL, i+1)
		}
		d, err := Null(f.Type), error(nil)
		if int32(size) >= 0 {
			d, err = ParseBinary(s, f.Type, -1, data[:size])
			data = data[size:]
		}
		if err != nil {
			return d, err
		}
		rec.Fields = append(rec.Fields, d)
	}
	if len(data) > 0 {
		return Datum{}, badBinary(t)
	}
	return NewBox(t, rec), nil
}

// parseRowTypeName finds a row type, or the type of arrays of one, by its name in SQL; the schema public may stand before it.
func parseRowTypeName(name string) *Type { return rowTypeAt(strings.TrimPrefix(name, "public.")) }
