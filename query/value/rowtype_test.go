package value_test

import (
	"errors"
	"testing"

	"github.com/jurat-ledger/jurat/query/value"
)

// sampleRow is a row type with its value (7,"a ""b"",\\ (",,"{1,NULL}").
func sampleRow(t *testing.T) (*value.Type, value.Datum, string) {
	row := value.RowType(1<<31, "sample", []value.Field{
		{Name: "n", Type: value.Int8}, {Name: "s", Type: value.Text}, {Name: "x", Type: value.Bool}, {Name: "a", Type: value.MustType(value.Int4.Array)},
	})
	text := `(7,"a ""b"",\\ (",,"{1,NULL}")`
	d, err := value.ParseText(&value.Settings{}, row, -1, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return row, d, text
}

// TestRowType writes a row as text and as bytes and reads it again, and reads what is left of both when their ends are cut off.
func TestRowType(t *testing.T) {
	s := &value.Settings{}
	row, d, text := sampleRow(t)
	if got := d.Text(s); got != text {
		t.Errorf("text %s, want %s", got, text)
	}
	binary := d.AppendBinary(nil, s)
	back, err := value.ParseBinary(s, row, -1, binary)
	if err != nil || back.Text(s) != text {
		t.Errorf("binary gives %s, %v", back.Text(s), err)
	}
	for n := range text {
		if _, err := value.ParseText(s, row, -1, []byte(text[:n])); err == nil {
			t.Errorf("%q is a row", text[:n])
		}
	}
	for n := range binary {
		var fault *value.Error
		if _, err := value.ParseBinary(s, row, -1, binary[:n]); !errors.As(err, &fault) {
			t.Errorf("%d bytes give %v", n, err)
		}
	}
	if _, err := value.ParseBinary(s, row, -1, append(binary, 0)); err == nil {
		t.Error("a byte too many is taken")
	}
}

// TestRowTypeOnce declares a row type again: it is the one that is there.
func TestRowTypeOnce(t *testing.T) {
	row, _, _ := sampleRow(t)
	array := value.ByOID(row.Array)
	if value.ByOID(row.OID) != row || array == nil || array.Elem != row.OID {
		t.Errorf("OID %d gives %v, its array %v", row.OID, value.ByOID(row.OID), array)
	}
	if again, err := value.ParseTypeName("public.sample"); err != nil || again != row {
		t.Error(again, err)
	}
	if again, err := value.ParseTypeName("sample[]"); err != nil || again != array {
		t.Error(again, err)
	}
	defer func() {
		if recover() == nil {
			t.Error("another row type has the same OID")
		}
	}()
	value.RowType(row.OID, "other", nil)
}
