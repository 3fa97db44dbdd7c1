package parse

import "strings"

// otherStatement reads a statement that is known by its head alone; nil if tok starts none.
func (p *parser) otherStatement() Stmt {
	s := &Other{Loc: p.loc()}
	k := p.tok.kw
	switch k {
	case kwCreate:
		return p.create(s)
	case kwAlter, kwDrop:
		return p.alterOrDrop(s)
	case kwTruncate:
		p.advance()
		p.accept(kwTable)
		s.Command = "TRUNCATE TABLE"
		p.relations(s)
	case kwLock:
		return p.lock(s)
	case kwVacuum, kwAnalyze, kwAnalyse:
		return p.vacuum(s)
	case kwGrant, kwRevoke:
		return p.grant(s)
	case kwComment:
		p.expect(kwComment, kwOn)
		s.Command = "COMMENT"
		p.objectKind()
		p.objects(s)
	case kwRefresh:
		p.expect(kwRefresh, kwMaterialized, kwView)
		s.Command = "REFRESH MATERIALIZED VIEW"
		p.accept(kwConcurrently)
		p.objects(s)
	case kwReindex:
		p.advance()
		s.Command = "REINDEX"
	case kwImport:
		p.expect(kwImport, kwForeign, kwSchema)
		s.Command = "IMPORT FOREIGN SCHEMA"
	case kwReassign:
		p.expect(kwReassign, kwOwned, kwBy)
		s.Command = "REASSIGN OWNED"
	case kwSecurity:
		p.expect(kwSecurity, kwLabel)
		s.Command = "SECURITY LABEL"
	case kwCheckpoint:
		s.Command = upperASCII(p.take())
		return p.ended(s)
	case kwDo, kwCall, kwCluster, kwLoad:
		s.Command = upperASCII(p.take())
	default:
		return nil
	}
	return p.skipRest(s)
}

// objectWords start the names of kinds of objects; those mapped to more words are longer.
var objectWords = map[keyword][]keyword{
	kwAccess:       {kwMethod},
	kwAggregate:    nil,
	kwCast:         nil,
	kwCollation:    nil,
	kwColumn:       nil,
	kwConstraint:   nil,
	kwConversion:   nil,
	kwDatabase:     nil,
	kwDefault:      {kwPrivileges},
	kwDomain:       nil,
	kwEvent:        {kwTrigger},
	kwExtension:    nil,
	kwForeign:      {kwData, kwTable},
	kwFunction:     nil,
	kwGroup:        nil,
	kwIndex:        nil,
	kwLanguage:     nil,
	kwLarge:        {kwObject},
	kwMaterialized: {kwView},
	kwOperator:     {kwClass, kwFamily},
	kwOwned:        {kwBy},
	kwPolicy:       nil,
	kwProcedural:   {kwLanguage},
	kwProcedure:    nil,
	kwPublication:  nil,
	kwRole:         nil,
	kwRoutine:      nil,
	kwRule:         nil,
	kwSchema:       nil,
	kwSequence:     nil,
	kwServer:       nil,
	kwStatistics:   nil,
	kwSubscription: nil,
	kwSystem:       nil,
	kwTable:        nil,
	kwTablespace:   nil,
	kwText:         {kwSearch},
	kwTransform:    nil,
	kwTrigger:      nil,
	kwType:         nil,
	kwUser:         {kwMapping},
	kwView:         nil,
}

// objectKind reads the kind of an object and returns it as it stands in command tags.
func (p *parser) objectKind() string {
	first := p.tok.kw
	more, ok := objectWords[first]
	if !ok {
		p.fail()
	}
	kind := upperASCII(p.take())
	if k := p.acceptAny(more...); k != 0 {
		kind += " " + upperASCII(keywords[k].Word)
	} else if more != nil && first != kwUser && first != kwOperator {
		p.fail()
	}
	switch kind {
	case "FOREIGN DATA":
		p.expect(kwWrapper)
		kind += " WRAPPER"
	case "TEXT SEARCH":
		k := p.acceptAny(kwConfiguration, kwDictionary, kwParser, kwTemplate)
		if k == 0 {
			p.fail()
		}
		kind += " " + upperASCII(keywords[k].Word)
	case "PROCEDURAL LANGUAGE":
		kind = "LANGUAGE"
	case "OWNED BY":
		kind = "OWNED"
	case "USER", "GROUP":
		kind = "ROLE"
	}
	return kind
}

// create reads CREATE.
func (p *parser) create(s *Other) Stmt {
	p.expect(kwCreate)
	switch p.tok.kw {
	case kwRole, kwGroup:
		return p.createRole(s.Loc)
	case kwUser:
		if p.peek().kw != kwMapping {
			return p.createRole(s.Loc)
		}
	}
	if p.accept(kwOr) {
		p.expect(kwReplace)
	}
	for p.acceptAny(kwGlobal, kwLocal, kwTemp, kwTemporary, kwUnlogged, kwRecursive, kwUnique, kwTrusted) != 0 {
	}
	if p.is(kwConstraint) { // CREATE CONSTRAINT TRIGGER
		p.advance()
	}
	kind := p.objectKind()
	s.Command = "CREATE " + kind
	if kind == "INDEX" {
		p.accept(kwConcurrently)
	}
	p.acceptIf(s)
	switch kind {
	case "INDEX", "TRIGGER", "POLICY", "RULE", "STATISTICS":
		for !p.is(kwOn) && p.tok.kind != tkEOF && p.tok.kind != tkSemicolon {
			p.advance()
		}
		if p.accept(kwOn) {
			p.accept(kwOnly)
			p.objects(s)
		}
	default:
		p.objects(s)
	}
	return p.skipRest(s)
}

// acceptIf goes past CONCURRENTLY and IF [NOT] EXISTS.
func (p *parser) acceptIf(s *Other) {
	p.accept(kwConcurrently)
	if p.is(kwIf) && (p.peek().kw == kwNot || p.peek().kw == kwExists) {
		p.advance()
		s.IfNotExists = p.accept(kwNot)
		s.IfExists = !s.IfNotExists
		p.expect(kwExists)
	}
}

// objects reads names with commas between them if they are there.
func (p *parser) objects(s *Other) {
	for p.isColID() {
		s.Objects = append(s.Objects, p.qualifiedName())
		if !p.acceptKind(tkComma) {
			return
		}
	}
}

// relations reads a list of tables.
func (p *parser) relations(s *Other) {
	for more := true; more; more = p.acceptKind(tkComma) {
		s.Objects = append(s.Objects, p.relation().Name)
	}
}

// lockWords are the words that a lock mode consists of.
var lockWords = []keyword{kwAccess, kwRow, kwShare, kwUpdate, kwExclusive}

// lock reads LOCK [TABLE] tables [IN mode MODE] [NOWAIT].
func (p *parser) lock(s *Other) Stmt {
	p.expect(kwLock)
	p.accept(kwTable)
	s.Command = "LOCK TABLE"
	p.relations(s)
	s.Mode = "ACCESS EXCLUSIVE"
	if p.accept(kwIn) {
		var words []string
		for k := p.acceptAny(lockWords...); k != 0; k = p.acceptAny(lockWords...) {
			words = append(words, upperASCII(keywords[k].Word))
		}
		if words == nil {
			p.fail()
		}
		s.Mode = strings.Join(words, " ")
		p.expect(kwMode)
	}
	p.accept(kwNowait)
	return p.ended(s)
}

// vacuum reads VACUUM or ANALYZE.
func (p *parser) vacuum(s *Other) Stmt {
	s.Command = "ANALYZE"
	old := []keyword{kwVerbose}
	if p.is(kwVacuum) {
		s.Command = "VACUUM"
		old = []keyword{kwFull, kwFreeze, kwVerbose, kwAnalyze, kwAnalyse}
	}
	p.advance()
	if p.tok.kind == tkLeftParen {
		p.options(p.optionName)
	} else {
		for p.acceptAny(old...) != 0 {
		}
	}
	for more := p.isColID(); more; more = p.acceptKind(tkComma) {
		s.Objects = append(s.Objects, p.qualifiedName())
		if p.tok.kind == tkLeftParen {
			p.names()
		}
	}
	return p.ended(s)
}

// ended takes the text of s as it has been read.
func (p *parser) ended(s *Other) Stmt {
	s.text = p.src[s.Loc:p.last]
	return s
}

// skipRest reads the rest of a statement, whatever it is: up to a semicolon that stands in no parenthesis and in no
// function body.
func (p *parser) skipRest(s *Other) Stmt {
	parens, body := 0, 0
	for p.tok.kind != tkEOF && (p.tok.kind != tkSemicolon || parens > 0 || body > 0) {
		switch {
		case p.tok.kind == tkLeftParen:
			parens++
		case p.tok.kind == tkRightParen:
			if parens--; parens < 0 {
				p.fail()
			}
		case p.is(kwBegin) && p.peek().kw == kwAtomic && strings.HasPrefix(s.Command, "CREATE "):
			body++
		case body > 0 && p.is(kwCase):
			body++
		case body > 0 && p.is(kwEnd):
			body--
		}
		p.advance()
	}
	if parens > 0 || body > 0 {
		p.fail()
	}
	return p.ended(s)
}
