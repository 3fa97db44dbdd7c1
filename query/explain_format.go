package query

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/query/value"
)

// A planFormat is a form of what EXPLAIN shows.
type planFormat uint8

const (
	planText planFormat = iota
	planJSON
	planXML
	planYAML
)

// planFormats are the formats by name.
var planFormats = map[string]planFormat{"text": planText, "json": planJSON, "xml": planXML, "yaml": planYAML}

// columnType is the type of the column that shows the plan.
func (f planFormat) columnType() *value.Type {
	switch f {
	case planJSON:
		return value.JSON
	case planXML:
		return value.ByName("xml")
	}
	return value.Text
}

// write writes a plan, and the milliseconds that it took if there are any, in a format other than text.
func (f planFormat) write(plan, more map[string]any) (string, error) {
	switch f {
	case planXML:
		w := &xmlWriter{}
		w.open("explain", ` xmlns="http://www.postgresql.org/2009/explain"`)
		w.open("Query", "")
		w.plan(plan)
		w.properties(more)
		w.close("Query")
		w.close("explain")
		return strings.TrimSpace(w.String()), nil
	case planYAML:
		w := &strings.Builder{}
		w.WriteString("- Plan: \n")
		yamlPlan(w, plan, 4, "    ")
		for _, name := range slices.Sorted(maps.Keys(more)) {
			fmt.Fprintf(w, "  %s: %s\n", name, yamlScalar(more[name]))
		}
		return strings.TrimSpace(w.String()), nil
	}
	top := map[string]any{"Plan": plan}
	maps.Copy(top, more)
	return plainJSON([]any{top}, "  ")
}

// plainJSON returns v in JSON that is not made for HTML, on lines that are indented by indent, on one line if that is empty.
func plainJSON(v any, indent string) (string, error) {
	var text strings.Builder
	w := json.NewEncoder(&text)
	w.SetEscapeHTML(false)
	w.SetIndent("", indent)
	err := w.Encode(v)
	return strings.TrimSpace(text.String()), err
}

// planProperties returns the names of a plan's properties in the order in which they are written, and the plans below it.
func planProperties(plan map[string]any) (names []string, below []any) {
	first := []string{"Node Type", "Strategy", "Partial Mode", "Operation", "Parent Relationship", "Parallel Aware", "Async Capable", "Scan Direction",
		"Index Name", "Relation Name", "Function Name", "CTE Name", "Alias", "Join Type", "Startup Cost", "Total Cost", "Plan Rows", "Plan Width"}
	for _, name := range append(first, slices.Sorted(maps.Keys(plan))...) {
		if _, ok := plan[name]; ok && name != "Plans" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	below, _ = plan["Plans"].([]any)
	return names, below
}

// scalarText writes a property's value: numbers with a fraction have two digits of it, but times have three.
func scalarText(name string, v any) string {
	if x, ok := v.(float64); ok {
		if strings.Contains(name, "Time") {
			return fmt.Sprintf("%.3f", x)
		}
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprint(v)
}

// xmlWriter writes elements, each on a line of its own.
type xmlWriter struct {
	strings.Builder
	depth int
}

func (w *xmlWriter) open(tag, attributes string) {
	fmt.Fprintf(w, "%s<%s%s>\n", strings.Repeat("  ", w.depth), tag, attributes)
	w.depth++
}

func (w *xmlWriter) close(tag string) {
	w.depth--
	fmt.Fprintf(w, "%s</%s>\n", strings.Repeat("  ", w.depth), tag)
}

func (w *xmlWriter) plan(plan map[string]any) {
	w.open("Plan", "")
	names, below := planProperties(plan)
	for _, name := range names {
		w.property(name, plan[name])
	}
	if below != nil {
		w.open("Plans", "")
		for _, p := range below {
			w.plan(p.(map[string]any))
		}
		w.close("Plans")
	}
	w.close("Plan")
}

func (w *xmlWriter) properties(p map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(p)) {
		w.property(name, p[name])
	}
}

// property writes a property, a list as an element with items.
func (w *xmlWriter) property(name string, v any) {
	tag := xmlTag(name)
	list, ok := v.([]string)
	if !ok {
		w.scalar(tag, scalarText(name, v))
		return
	}
	w.open(tag, "")
	for _, item := range list {
		w.scalar("Item", item)
	}
	w.close(tag)
}

func (w *xmlWriter) scalar(tag, text string) {
	fmt.Fprintf(w, "%s<%s>", strings.Repeat("  ", w.depth), tag)
	xml.EscapeText(w, []byte(text))
	fmt.Fprintf(w, "</%s>\n", tag)
}

// xmlTag makes the name of a property that of an element.
func xmlTag(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '.' {
			return r
		}
		return '-'
	}, name)
}

// yamlPlan writes a plan whose first line is indented by what is given, and the others by spaces.
func yamlPlan(w *strings.Builder, plan map[string]any, indent int, first string) {
	pad := strings.Repeat(" ", indent)
	names, below := planProperties(plan)
	for _, name := range names {
		fmt.Fprintf(w, "%s%s: ", first, name)
		first = pad
		list, ok := plan[name].([]string)
		if !ok {
			w.WriteString(yamlScalar(plan[name]))
		}
		w.WriteByte('\n')
		for _, item := range list {
			fmt.Fprintf(w, "%s  - %s\n", pad, yamlScalar(item))
		}
	}
	if below != nil {
		fmt.Fprintf(w, "%sPlans: \n", pad)
	}
	for _, p := range below {
		yamlPlan(w, p.(map[string]any), indent+4, pad+"  - ")
	}
}

// yamlScalar writes a property's value; texts are quoted as in JSON, which YAML takes.
func yamlScalar(v any) string {
	s, ok := v.(string)
	if !ok {
		return scalarText("", v)
	}
	text, err := plainJSON(s, "")
	if err != nil {
		panic("query: a text has no form in JSON: " + err.Error())
	}
	return text
}
