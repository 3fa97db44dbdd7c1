package parse

// NoName is what DefaultColumnName returns for an expression that suggests no name.
const NoName = "?column?"

// DefaultColumnName returns the name that Postgres gives a result column without alias: that of the column, function or
// type at the heart of the expression, else NoName. *Star, alone or first in a scalar subquery,
// gives NoName too: what it stands for only the tables tell.
func DefaultColumnName(x Expr) string {
	name, _ := suggestName(x)
	if name == "" {
		return NoName
	}
	return name
}

// suggestName returns the name that x suggests, if any; strong tells that a cast around x does not change it.
func suggestName(x Expr) (name string, strong bool) {
	switch x := x.(type) {
	case *ColumnRef:
		return x.Parts[len(x.Parts)-1], true
	case *Field:
		return x.Name, true
	case *Subscript:
		return suggestName(x.X)
	case *Collate:
		return suggestName(x.X)
	case *Call:
		return x.Name.Name, true
	case *ValueFunc:
		return x.Name, true
	case *Cast:
		if star, ok := x.X.(*Star); ok && len(star.Parts) > 0 { // the row of a table
			return star.Parts[len(star.Parts)-1], true
		}
		if name, strong := suggestName(x.X); strong {
			return name, true
		}
		return x.Type.Name.Name, false
	case *Case:
		if x.Else != nil {
			if name, strong := suggestName(x.Else); strong {
				return name, true
			}
		}
		return "case", false
	case *Array:
		return "array", true
	case *Row:
		return "row", true
	case *Subquery:
		return suggestSubquery(x)
	}
	return "", false
}

// suggestSubquery returns the name that a subquery suggests: a scalar one that of its column.
func suggestSubquery(x *Subquery) (name string, strong bool) {
	switch x.Kind {
	case ExistsSubquery:
		return "exists", true
	case ArraySubquery:
		return "array", true
	}
	s := x.Select
	for s.Op != 0 {
		s = s.Left
	}
	if s.Values != nil {
		return "column1", true
	}
	if len(s.Targets) == 0 {
		return "", false
	}
	if s.Targets[0].Alias != "" {
		return s.Targets[0].Alias, true
	}
	return DefaultColumnName(s.Targets[0].X), true
}
