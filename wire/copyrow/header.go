package copyrow

// checkHeader reports a header line that does not hold the names of the columns. fields are those of the line.
func (d *Decoder) checkHeader() error {
	if got, want := len(d.fields), len(d.o.Columns); got != want {
		return d.errorf(codeBadFormat, "wrong number of fields in header line: got %d, expected %d", got, want)
	}
	for i, f := range d.fields {
		switch want := d.o.Columns[i]; {
		case f == nil:
			return d.errorf(codeBadFormat, "column name mismatch in header line field %d: got null value (\"%s\"), expected \"%s\"", i+1, d.o.Null, want)
		case string(f) != want:
			return d.errorf(codeBadFormat, "column name mismatch in header line field %d: got \"%s\", expected \"%s\"", i+1, f, want)
		}
	}
	return nil
}
