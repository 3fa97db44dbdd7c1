package fn

import "github.com/jurat-ledger/jurat/query/value"

// overlapsFunctions declares OVERLAPS, whose periods are given by two ends or by a start and a length.
func overlapsFunctions() (list []*Function) {
	for _, t := range []*value.Type{value.Time, value.Timestamp, value.Timestamptz} {
		for _, ends := range [][2]string{{t.Name, t.Name}, {t.Name, "interval"}, {"interval", t.Name}, {"interval", "interval"}} {
			words := "bool nullable"
			if t == value.Timestamptz && ends != [2]string{t.Name, t.Name} {
				words += " stable"
			}
			list = append(list, def("overlaps("+t.Name+","+ends[0]+","+t.Name+","+ends[1]+") "+words, rowwise(overlaps)))
		}
	}
	return list
}

// overlaps reports whether two periods, which end before their ends, have a moment in common.
func overlaps(env *Env, args []value.Datum) (value.Datum, error) {
	a, err := periodOf(env, args[0], args[1])
	if err != nil {
		return value.Datum{}, err
	}
	b, err := periodOf(env, args[2], args[3])
	if err != nil || a.empty || b.empty {
		if err == nil {
			err = errNull
		}
		return value.Datum{}, err
	}
	if a.from > b.from {
		a, b = b, a
	}
	switch {
	case a.from == b.from && (a.open || b.open), a.from < b.from && a.open:
		return value.Datum{}, errNull
	case a.from == b.from || b.from < a.to:
		return value.NewBool(true), nil
	case b.open:
		return value.Datum{}, errNull
	}
	return value.NewBool(false), nil
}

// A period is a span of time; an open one has one end only, an empty one none.
type period struct {
	from, to    int64
	open, empty bool
}

func periodOf(env *Env, from, to value.Datum) (period, error) {
	if to.Type == value.IntervalT {
		var err error
		if to, err = endOf(env, from, to); err != nil {
			return period{}, err
		}
	}
	switch {
	case from.Null && to.Null:
		return period{empty: true}, nil
	case from.Null:
		return period{from: to.I, open: true}, nil
	case to.Null:
		return period{from: from.I, open: true}, nil
	}
	return period{from: min(from.I, to.I), to: max(from.I, to.I)}, nil
}

// endOf adds a length to a start.
func endOf(env *Env, from, length value.Datum) (end value.Datum, err error) {
	if from.Null || length.Null {
		return value.Null(from.Type), nil
	}
	end, span := from, length.X.(value.Interval)
	switch from.Type {
	case value.Time:
		end.I = ((from.I+span.Micros)%value.Day + value.Day) % value.Day
	case value.Timestamp:
		end.I, err = addToTimestamp(from.I, span)
	default:
		end.I, err = addToZoned(env.Settings.Zone, from.I, span)
	}
	return end, err
}
