package parse

// windows reads name AS (…), … after WINDOW.
func (p *parser) windows() []*Window {
	var list []*Window
	for {
		loc, name := p.loc(), p.colID()
		p.expect(kwAs)
		w := p.window()
		w.Loc, w.Name = loc, name
		list = append(list, w)
		if !p.acceptKind(tkComma) {
			return list
		}
	}
}

// window reads a window definition in parentheses.
func (p *parser) window() *Window {
	w := &Window{Loc: p.loc()}
	p.expectKind(tkLeftParen)
	switch p.tok.kw {
	case kwPartition, kwRange, kwRows, kwGroups:
	default:
		if p.isColID() {
			w.Base = p.colID()
		}
	}
	if p.accept(kwPartition) {
		p.expect(kwBy)
		w.PartitionBy = p.exprList()
	}
	if p.accept(kwOrder) {
		p.expect(kwBy)
		w.OrderBy = p.sortKeys()
	}
	switch p.tok.kw {
	case kwRange, kwRows, kwGroups:
		w.Frame = p.frame()
	}
	p.expectKind(tkRightParen)
	return w
}

// frame reads a frame clause.
func (p *parser) frame() *Frame {
	f := &Frame{Loc: p.loc(), Mode: FrameRange, End: Bound{Kind: CurrentRow}}
	switch p.tok.kw {
	case kwRows:
		f.Mode = FrameRows
	case kwGroups:
		f.Mode = FrameGroups
	}
	p.advance()
	loc := p.loc()
	if p.accept(kwBetween) {
		loc = p.loc()
		f.Start = p.bound()
		p.expect(kwAnd)
		endLoc := p.loc()
		f.End = p.bound()
		p.checkBounds(f, loc, endLoc)
	} else {
		f.Start = p.bound()
		switch f.Start.Kind {
		case UnboundedFollowing:
			p.refuse(codeWindow, "frame start cannot be UNBOUNDED FOLLOWING", loc)
		case OffsetFollowing:
			p.refuse(codeWindow, "frame starting from following row cannot end with current row", loc)
		}
	}
	if p.accept(kwExclude) {
		p.exclude(f)
	}
	return f
}

// checkBounds refuses frames that end before they start. The bounds stand at loc and endLoc.
func (p *parser) checkBounds(f *Frame, loc, endLoc Loc) {
	start, end := f.Start.Kind, f.End.Kind
	switch {
	case start == UnboundedFollowing:
		p.refuse(codeWindow, "frame start cannot be UNBOUNDED FOLLOWING", loc)
	case end == UnboundedPreceding:
		p.refuse(codeWindow, "frame end cannot be UNBOUNDED PRECEDING", endLoc)
	case start == CurrentRow && end == OffsetPreceding:
		p.refuse(codeWindow, "frame starting from current row cannot have preceding rows", endLoc)
	case start == OffsetFollowing && (end == OffsetPreceding || end == CurrentRow):
		p.refuse(codeWindow, "frame starting from following row cannot have preceding rows", endLoc)
	}
}

// bound reads one end of a frame.
func (p *parser) bound() Bound {
	if k := p.peek().kw; p.is(kwUnbounded) && (k == kwPreceding || k == kwFollowing) {
		p.advance()
		p.advance()
		if k == kwPreceding {
			return Bound{Kind: UnboundedPreceding}
		}
		return Bound{Kind: UnboundedFollowing}
	}
	if p.is(kwCurrent) && p.peek().kw == kwRow {
		p.expect(kwCurrent, kwRow)
		return Bound{Kind: CurrentRow}
	}
	b := Bound{Kind: OffsetPreceding, Offset: p.expr()}
	switch p.acceptAny(kwPreceding, kwFollowing) {
	case kwFollowing:
		b.Kind = OffsetFollowing
	case 0:
		p.fail()
	}
	return b
}

// exclude reads what follows EXCLUDE.
func (p *parser) exclude(f *Frame) {
	switch p.acceptAny(kwCurrent, kwGroup, kwTies, kwNo) {
	case kwCurrent:
		p.expect(kwRow)
		f.Exclude = ExcludeCurrentRow
	case kwGroup:
		f.Exclude = ExcludeGroup
	case kwTies:
		f.Exclude = ExcludeTies
	case kwNo:
		p.expect(kwOthers)
	default:
		p.fail()
	}
}
