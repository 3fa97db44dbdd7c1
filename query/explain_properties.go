package query

import (
	"fmt"
	"strconv"
	"strings"
)

// properties describes a plan as EXPLAIN does in other formats than text, with the names that Postgres has for nodes and their
// properties, by which programs draw plans.
func (e *explained) properties(costs bool) map[string]any {
	p := nodeProperties(e.title)
	if costs {
		p["Startup Cost"], p["Total Cost"], p["Plan Rows"], p["Plan Width"] = e.startup, e.total, int64(e.rows), e.width
	}
	for name, v := range e.actual {
		p[name] = v
	}
	for _, k := range e.keys {
		p[k.name] = k.keys
	}
	for _, l := range e.lines {
		if name, text, ok := strings.Cut(l, ": "); ok {
			if before, ok := p[name].(string); ok { // a filter stands for its input, which may have one too
				text = before + " AND " + text
			}
			p[name] = text
			if n, err := strconv.Atoi(text); err == nil && (strings.HasPrefix(name, "Workers ") || strings.HasPrefix(name, "Cache ")) {
				p[name] = n
			}
		}
	}
	if e.sample != nil {
		e.sample.properties(p)
	}
	var plans []any
	for i := range e.children {
		child := e.children[i].properties(costs)
		child["Parent Relationship"] = e.relationship(i)
		if name := e.children[i].subplan; name != "" {
			child["Parent Relationship"], child["Subplan Name"] = name, fmt.Sprintf("%s %d", name, e.children[i].number)
		}
		plans = append(plans, child)
	}
	if plans != nil {
		p["Plans"] = plans
	}
	return p
}

// nodeProperties returns the type of the node that has a title in the form of text, and what else the title says.
func nodeProperties(title string) map[string]any {
	p := map[string]any{"Async Capable": false}
	title, p["Parallel Aware"] = strings.CutPrefix(title, "Parallel ")
	kind, relation, ok := strings.Cut(title, " on ")
	if ok {
		relation, alias, named := strings.Cut(relation, " ")
		if !named {
			alias = relation
		}
		alias = strings.Trim(alias, `"`)
		switch {
		case kind == "Function Scan":
			p["Function Name"], p["Alias"] = relation, alias
		case kind == "CTE Scan", kind == "WorkTable Scan":
			p["CTE Name"], p["Alias"] = relation, alias
		case kind == "Values Scan":
			p["Alias"] = alias
		default:
			p["Relation Name"], p["Alias"] = relation, alias
		}
	}
	if scan, index, ok := strings.Cut(kind, " using "); ok {
		p["Index Name"], p["Scan Direction"] = index, "Forward"
		if kind, ok = strings.CutSuffix(scan, " Backward"); ok {
			p["Scan Direction"] = "Backward"
		}
	}
	kind = joinType(p, aggregateType(p, kind))
	if command, ok := strings.CutPrefix(kind, "HashSetOp "); ok {
		kind, p["Strategy"], p["Command"] = "SetOp", "Hashed", command
	}
	if kind == "Insert" {
		kind, p["Operation"] = "ModifyTable", kind
	}
	p["Node Type"] = kind
	return p
}

// aggregateType returns the type of the node that is called kind in the form of text. If it is one that groups, p says how.
func aggregateType(p map[string]any, kind string) string {
	strategy, mode := kind, "Simple"
	for _, m := range []string{"Partial", "Finalize"} {
		if rest, ok := strings.CutPrefix(kind, m+" "); ok {
			strategy, mode = rest, m
		}
	}
	strategy, ok := map[string]string{"Aggregate": "Plain", "HashAggregate": "Hashed"}[strategy]
	if !ok {
		return kind
	}
	p["Strategy"], p["Partial Mode"] = strategy, mode
	return "Aggregate"
}

// joinType does the same for nodes that join.
func joinType(p map[string]any, kind string) string {
	rest, hash := strings.CutPrefix(kind, "Hash ")
	rest, loop := strings.CutPrefix(rest, "Nested Loop")
	if !loop && !(hash && strings.HasSuffix(rest, "Join")) {
		return kind
	}
	if p["Join Type"] = strings.TrimSpace(strings.TrimSuffix(rest, "Join")); p["Join Type"] == "" {
		p["Join Type"] = "Inner"
	}
	if loop {
		return "Nested Loop"
	}
	return "Hash Join"
}

// relationship is what the plan below at i is to this one: in a join, the outer side comes first.
func (e *explained) relationship(i int) string {
	switch {
	case e.title == "Append":
		return "Member"
	case i == 0:
		return "Outer"
	}
	return "Inner"
}
