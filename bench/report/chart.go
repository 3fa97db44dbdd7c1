package report

import "math"

type point struct{ x, y float64 }

// A series is a line of a lines chart.
type series struct {
	name, by string
	points   []point
}

// Sizes of all charts in pixels.
const (
	chartWidth  = 760.0
	lineHeight  = 420.0
	headHeight  = 58.0 // title and subtitle
	legendGap   = 22.0 // height of the legend
	small       = 12.0 // font sizes
	large       = 16.0
	marginRight = 30.0
)

// head draws title, subtitle and legend, and returns where the chart begins.
func head(c *canvas, title, subtitle string, legend []string, colour func(i int) string) float64 {
	c.bold(20, 28, large, title)
	c.text(20, 48, left, faint, subtitle)
	x, y := 20.0, headHeight+12
	for i, name := range legend {
		if x+wide(name)+30 > chartWidth {
			x, y = 20, y+legendGap
		}
		c.bar(x, y-9, 10, 10, colour(i))
		c.text(x+15, y, left, ink, name)
		x += wide(name) + 34
	}
	if len(legend) == 0 {
		return headHeight
	}
	return y + 12
}

// A lines chart shows how a value depends on a number.
type lines struct {
	title, subtitle  string
	xName            string
	series           []series
	xLabel, yLabel   func(float64) string // how numbers are written
	linearX, linearY bool                 // whatever they span
}

// draw returns the chart as SVG, nil if no series has two points.
func (l *lines) draw(p palette) []byte {
	lowX, highX, lowY, highY, most := math.Inf(1), 0.0, math.Inf(1), 0.0, 0
	var legend []string
	for _, s := range l.series {
		legend = append(legend, s.name)
		most = max(most, len(s.points))
		for _, at := range s.points {
			lowX, highX = min(lowX, at.x), max(highX, at.x)
			lowY, highY = min(lowY, at.y), max(highY, at.y)
		}
	}
	if most < 2 {
		return nil
	}
	if len(legend) == 1 {
		legend = nil // the title says whose line it is
	}
	c := new(canvas)
	top := head(c, l.title, l.subtitle, legend, func(i int) string { return p.of(l.series[i].by) }) + 14
	bottom := lineHeight - 48
	y := newAxis(lowY, highY, bottom, top)
	if l.linearY {
		y = newAxis(0, highY, bottom, top)
	}
	x := axis{log: true, low: lowX, top: highX, from: 84, to: chartWidth - marginRight - 10}
	if l.linearX {
		x.log, x.low = false, 0
	}
	for _, v := range y.ticks() {
		c.line(x.from-8, y.at(v), x.to+8, y.at(v), grid, 1)
		c.text(x.from-14, y.at(v)+4, right, faint, l.yLabel(v))
	}
	l.nameX(c, x, bottom)
	for _, s := range l.series {
		var way []point
		for _, at := range s.points {
			way = append(way, point{x.at(at.x), y.at(at.y)})
		}
		c.path(way, p.of(s.by))
		if len(way) <= 24 {
			for _, at := range way {
				c.dot(at.x, at.y, 3.2, p.of(s.by), "#ffffff")
			}
		}
	}
	return c.svg(chartWidth, lineHeight, l.title)
}

// nameX writes the numbers below the chart: of a logarithmic axis those that were measured, where there is room.
func (l *lines) nameX(c *canvas, x axis, bottom float64) {
	var at []float64
	if x.log {
		for _, s := range l.series {
			for _, p := range s.points {
				at = append(at, p.x)
			}
		}
	} else {
		at = newAxis(0, x.top, 0, 1).ticks()
	}
	c.line(x.from-8, bottom, x.to+8, bottom, faint, 1)
	var taken []float64
	for _, v := range at {
		if v > x.top || tooClose(taken, x.at(v)) {
			continue
		}
		taken = append(taken, x.at(v))
		c.line(x.at(v), bottom, x.at(v), bottom+4, faint, 1)
		c.text(x.at(v), bottom+18, middle, faint, l.xLabel(v))
	}
	c.text((x.from+x.to)/2, bottom+38, middle, faint, l.xName)
}

// tooClose reports whether a label would touch another one.
func tooClose(taken []float64, at float64) bool {
	for _, t := range taken {
		if math.Abs(t-at) < 44 {
			return true
		}
	}
	return false
}

// A rows chart compares contenders in several disciplines.
type rows struct {
	title, subtitle string
	rows            []row
	label           func(float64) string // how values are written
}

type row struct {
	name  string
	marks []mark
}

// A mark is one contender's value, or several of which only the first is compared: median and tail of a latency.
type mark struct {
	by, name string
	values   []float64
	note     string // written behind the values
}

const (
	markHeight = 19.0
	rowGap     = 12.0
)

// draw returns the chart as SVG, nil if there is nothing to draw.
func (r *rows) draw(p palette) []byte {
	low, high, marks, spans, widest := math.Inf(1), 0.0, 0, false, 0.0
	var legend, by []string
	seen := make(map[string]bool)
	for _, row := range r.rows {
		widest = max(widest, wide(row.name))
		for _, m := range row.marks {
			marks++
			spans = spans || len(m.values) > 1
			for _, v := range m.values {
				low, high = min(low, v), max(high, v)
			}
			if !seen[m.by] {
				seen[m.by] = true
				legend, by = append(legend, m.name), append(by, m.by)
			}
		}
	}
	if marks == 0 {
		return nil
	}
	if len(legend) == 1 {
		legend = nil // the title says whose values these are
	}
	c := new(canvas)
	top := head(c, r.title, r.subtitle, legend, func(i int) string { return p.of(by[i]) }) + 6
	bottom := top + float64(marks)*markHeight + float64(len(r.rows))*rowGap
	from := 34 + widest
	x := newAxis(low, high, from, chartWidth-r.room())
	if spans {
		x = logAxis(low, high, from, chartWidth-r.room())
	}
	for _, v := range x.ticks() {
		c.line(x.at(v), top, x.at(v), bottom, grid, 1)
		c.text(x.at(v), bottom+16, middle, faint, r.label(v))
	}
	y := top + rowGap/2
	for _, row := range r.rows {
		c.text(from-12, y+float64(len(row.marks))*markHeight/2+4, right, ink, row.name)
		for _, m := range row.marks {
			r.mark(c, x, y+markHeight/2, m, p.of(m.by))
			y += markHeight
		}
		y += rowGap
	}
	return c.svg(chartWidth, bottom+30, r.title)
}

// room is the width that the longest text behind a mark needs.
func (r *rows) room() float64 {
	widest := 0.0
	for _, row := range r.rows {
		for _, m := range row.marks {
			widest = max(widest, wide(r.said(m)))
		}
	}
	return widest + 24
}

// said is what is written behind a mark.
func (r *rows) said(m mark) string {
	s := ""
	for i, v := range m.values {
		if i > 0 {
			s += " · "
		}
		s += r.label(v)
	}
	return s + m.note
}

func (r *rows) mark(c *canvas, x axis, y float64, m mark, colour string) {
	end := x.at(m.values[len(m.values)-1])
	switch {
	case !x.log:
		c.bar(x.from, y-7, max(1, end-x.from), 14, colour)
	default:
		c.line(x.from, y, x.at(m.values[0]), y, "#d1d5db", 1)
		c.line(x.at(m.values[0]), y, end, y, colour, 3)
		for i, v := range m.values {
			fill := colour
			if i > 0 {
				fill = "#ffffff"
			}
			c.dot(x.at(v), y, 4.4-0.6*float64(i), colour, fill)
		}
	}
	c.text(end+9, y+4, left, ink, r.said(m))
}
