package catalog

import "github.com/jurat-ledger/jurat/query/value"

// A columnDefault is a column with a default.
type columnDefault struct {
	oid   value.OID
	table *Table
	num   int // attribute number
	expr  string
}

func (k *Catalog) defaults() (list []columnDefault) {
	for i := range k.Tables {
		t := &k.Tables[i]
		for j, c := range t.Columns {
			if c.Default != "" {
				list = append(list, columnDefault{firstDefaultOID + (t.OID-16384)*32 + value.OID(j), t, j + 1, c.Default})
			}
		}
	}
	return list
}

func (k *Catalog) pgAttrdef(r *Rows) {
	for _, d := range k.defaults() {
		r.add(row{"oid": d.oid, "adrelid": d.table.OID, "adnum": d.num, "adbin": d.expr})
	}
}

// pgDepend tells what belongs to what: defaults and constraints to columns, the index of a constraint to it, others to columns.
func (k *Catalog) pgDepend(r *Rows) {
	column := func(class, oid, table value.OID, num int) {
		r.add(row{"classid": class, "objid": oid, "objsubid": 0, "refclassid": classOID, "refobjid": table, "refobjsubid": num, "deptype": "a"})
	}
	for _, d := range k.defaults() {
		column(attrdefOID, d.oid, d.table.OID, d.num)
	}
	for _, x := range k.indexes() {
		if !x.Primary {
			column(classOID, x.oid, x.table.OID, x.column)
			continue
		}
		constraint := x.oid + constraintOffset
		column(constraintsOID, constraint, x.table.OID, x.column)
		r.add(row{"classid": classOID, "objid": x.oid, "objsubid": 0, "refclassid": constraintsOID, "refobjid": constraint, "refobjsubid": 0, "deptype": "i"})
	}
}
