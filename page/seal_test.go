package page_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle/seal"
	"github.com/jurat-ledger/jurat/page/check"
)

// TestSealFields has the fields of a seal in its order and with all their digits, which they would lose as an object of JSON in a browser, and
// with what does not print as itself escaped.
func TestSealFields(t *testing.T) {
	s := must(seal.Parse(sealVectors(t).Vectors[0].Text))
	s.Fields = must(seal.FieldsFromJSON([]byte(`{"10": "", "b": 9007199254740993, "2": true, "name": "Zoë <b>", "list": [1, "x"], "none": null, "turned\u202e": "a\nb"}`)))
	got := must(check.New(time.Now).Seal(context.Background(), s.Text())).Fields
	want := [][2]string{{"2", "true"}, {"b", "9007199254740993"}, {"10", `""`}, {"list", `[1, "x"]`}, {"name", "Zoë <b>"}, {"none", "null"}, {`"turned\u202e"`, `"a\nb"`}}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if r := must(check.New(time.Now).Seal(context.Background(), "no seal")); len(r.Fields) > 0 || len(r.Report) == 0 {
		t.Errorf("no seal: %+v", r)
	}
}
