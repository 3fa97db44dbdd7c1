package parse

import "strconv"

const catalogSchema = "pg_catalog"

// plainTypes are the types that are one keyword and nothing else.
var plainTypes = map[keyword]string{
	kwInt: "int4", kwInteger: "int4", kwSmallint: "int2", kwBigint: "int8", kwReal: "float4", kwBoolean: "bool",
}

// typeName reads the name of a type.
func (p *parser) typeName() *TypeName {
	t := &TypeName{}
	t.SetOf = p.accept(kwSetof)
	t.Loc = p.loc()
	interval := p.is(kwInterval)
	p.simpleType(t)
	if interval && len(t.Mods) == 0 {
		p.intervalFields(t)
	}
	p.arrayBounds(t)
	return t
}

// arrayBounds reads [], [3] and ARRAY after a type.
func (p *parser) arrayBounds(t *TypeName) {
	if p.accept(kwArray) {
		t.Dims = 1
		if p.acceptKind(tkLeftBracket) {
			p.integer()
			p.expectKind(tkRightBracket)
		}
		return
	}
	for p.acceptKind(tkLeftBracket) {
		if p.tok.kind != tkRightBracket {
			p.integer()
		}
		p.expectKind(tkRightBracket)
		t.Dims++
	}
}

// simpleType reads a type without array bounds and fields of an interval.
func (p *parser) simpleType(t *TypeName) {
	k := p.tok.kw
	switch k {
	case kwInt, kwInteger, kwSmallint, kwBigint, kwReal, kwBoolean:
		p.advance()
		t.system(plainTypes[k])
	case kwFloat:
		p.advance()
		p.floatType(t)
	case kwDecimal, kwDec, kwNumeric:
		p.advance()
		t.system("numeric")
		p.typeMods(t)
	case kwBit:
		p.bitType(t)
	case kwCharacter, kwChar, kwNchar, kwNational, kwVarchar:
		p.charType(t)
	case kwTime, kwTimestamp:
		p.timeType(t)
	case kwInterval:
		p.advance()
		t.system("interval")
		p.precision(t)
	default:
		if k == kwDouble && p.peek().kw == kwPrecision {
			p.advance()
			p.advance()
			t.system("float8")
			return
		}
		if p.tok.kind != tkIdent || p.tok.class == columnName || p.tok.class == reserved {
			p.fail()
		}
		t.Name.Name = p.take()
		p.restOfName(&t.Name)
		p.typeMods(t)
	}
}

// system names a type of pg_catalog.
func (t *TypeName) system(name string) {
	t.Schema, t.Name.Name = catalogSchema, name
}

// typeMods reads the modifiers (10, 2) if there are any.
func (p *parser) typeMods(t *TypeName) {
	if p.acceptKind(tkLeftParen) {
		t.Mods = p.exprList()
		p.expectKind(tkRightParen)
	}
}

// precision reads (n) if it is there.
func (p *parser) precision(t *TypeName) bool {
	if !p.acceptKind(tkLeftParen) {
		return false
	}
	p.precisionValue(t)
	p.expectKind(tkRightParen)
	return true
}

// precisionValue reads the integer constant of a precision or length.
func (p *parser) precisionValue(t *TypeName) {
	pos, text := p.loc(), p.tok.text
	p.integer()
	t.Mods = []Expr{&Literal{Loc: pos, Kind: Integer, Text: text}}
}

// floatType reads the rest of FLOAT(p), p in bits.
func (p *parser) floatType(t *TypeName) {
	t.system("float8")
	if !p.acceptKind(tkLeftParen) {
		return
	}
	pos, bits := p.loc(), p.integer()
	p.expectKind(tkRightParen)
	switch {
	case bits < 1:
		p.refuse(CodeInvalidParameter, "precision for type float must be at least 1 bit", pos)
	case bits > 53:
		p.refuse(CodeInvalidParameter, "precision for type float must be less than 54 bits", pos)
	case bits <= 24:
		t.system("float4")
	}
}

// bitType reads BIT [VARYING] [(n)].
func (p *parser) bitType(t *TypeName) {
	pos := p.loc()
	p.expect(kwBit)
	t.system("bit")
	varying := p.accept(kwVarying)
	if varying {
		t.system("varbit")
	}
	p.typeMods(t)
	if !varying && t.Mods == nil {
		t.Mods = lengthOne(pos)
	}
}

// lengthOne is the modifier of CHAR and BIT without one.
func lengthOne(pos Loc) []Expr {
	return []Expr{&Literal{Loc: pos, Kind: Integer, Text: strconv.Itoa(1)}}
}

// charType reads CHAR, CHARACTER, NCHAR, NATIONAL CHAR … [VARYING] and VARCHAR, [(n)].
func (p *parser) charType(t *TypeName) {
	pos := p.loc()
	varying := p.accept(kwVarchar)
	if !varying {
		if p.accept(kwNational) {
			if p.acceptAny(kwCharacter, kwChar) == 0 {
				p.fail()
			}
		} else {
			p.advance()
		}
		varying = p.accept(kwVarying)
	}
	if varying {
		t.system("varchar")
	} else {
		t.system("bpchar")
	}
	if !p.precision(t) && !varying {
		t.Mods = lengthOne(pos)
	}
}

// timeType reads TIME and TIMESTAMP [(n)] [WITH | WITHOUT TIME ZONE].
func (p *parser) timeType(t *TypeName) {
	name := p.take()
	p.precision(t)
	switch {
	case p.is(kwWith) && p.peek().kw == kwTime:
		p.expect(kwWith, kwTime, kwZone)
		name += "tz"
	case p.accept(kwWithout):
		p.expect(kwTime, kwZone)
	}
	t.system(name)
}

var fieldWords = map[keyword]IntervalFields{
	kwYear: Year, kwMonth: Month, kwDay: Day, kwHour: Hour, kwMinute: Minute, kwSecond: Second,
}

// intervalFields reads YEAR, YEAR TO MONTH, DAY TO SECOND(3) … if there is such a thing.
func (p *parser) intervalFields(t *TypeName) {
	first := fieldWords[p.tok.kw]
	if first == 0 {
		return
	}
	p.advance()
	last := first
	if first != Second && first != Month && p.accept(kwTo) {
		last = fieldWords[p.tok.kw]
		if last <= first || (first == Year) != (last == Month) {
			p.fail()
		}
		p.advance()
	}
	for f := first; f <= last; f <<= 1 {
		t.Fields |= f
	}
	if last == Second {
		p.precision(t)
	}
}
