package parse

// transaction reads a transaction control statement.
func (p *parser) transaction() Stmt {
	t := &Transaction{Loc: p.loc()}
	k := p.tok.kw
	p.advance()
	switch k {
	case kwBegin:
		p.acceptAny(kwWork, kwTransaction)
		t.Modes = p.transactionModes(false)
	case kwStart:
		t.Kind = Start
		p.expect(kwTransaction)
		t.Modes = p.transactionModes(false)
	case kwSavepoint:
		t.Kind, t.Name = Savepoint, p.colID()
	case kwRelease:
		t.Kind, t.Name = Release, p.savepointName()
	case kwPrepare:
		p.expect(kwTransaction)
		t.Kind, t.Name = PrepareTransaction, p.stringConst()
	case kwCommit, kwEnd:
		t.Kind = Commit
		if k == kwCommit && p.accept(kwPrepared) {
			t.Kind, t.Name = CommitPrepared, p.stringConst()
			break
		}
		p.chain(t)
	case kwRollback, kwAbort:
		t.Kind = Rollback
		if k == kwRollback && p.accept(kwPrepared) {
			t.Kind, t.Name = RollbackPrepared, p.stringConst()
			break
		}
		p.chain(t)
		if k == kwRollback && !t.Chain && p.accept(kwTo) {
			t.Kind, t.Name = RollbackTo, p.savepointName()
		}
	}
	return t
}

// savepointName reads [SAVEPOINT] name; SAVEPOINT may be the name itself.
func (p *parser) savepointName() string {
	if p.is(kwSavepoint) && !p.peekKind(tkEOF) && !p.peekKind(tkSemicolon) {
		p.advance()
	}
	return p.colID()
}

// chain reads [WORK | TRANSACTION] [AND [NO] CHAIN].
func (p *parser) chain(t *Transaction) {
	p.acceptAny(kwWork, kwTransaction)
	if p.accept(kwAnd) {
		t.Chain = !p.accept(kwNo)
		p.expect(kwChain)
	}
}

// transactionModes reads a list of modes, with commas or without; one at least if some.
func (p *parser) transactionModes(some bool) []Option {
	var list []Option
	for {
		o := Option{Loc: p.loc()}
		switch {
		case p.accept(kwIsolation):
			p.expect(kwLevel)
			o.Name = "transaction_isolation"
			o.Value = &Literal{o.Loc, String, p.isolationLevel()}
		case p.accept(kwRead):
			o.Name = "transaction_read_only"
			o.Value = p.readOnly(o.Loc)
		case p.is(kwDeferrable) || p.is(kwNot):
			word := "true"
			if p.accept(kwNot) {
				word = "false"
			}
			p.expect(kwDeferrable)
			o.Name, o.Value = "transaction_deferrable", &Literal{o.Loc, Bool, word}
		default:
			if some {
				p.fail()
			}
			return list
		}
		list = append(list, o)
		some = p.acceptKind(tkComma)
	}
}

// isolationLevel reads the name of an isolation level.
func (p *parser) isolationLevel() string {
	switch p.acceptAny(kwSerializable, kwRepeatable, kwRead) {
	case kwSerializable:
		return "serializable"
	case kwRepeatable:
		p.expect(kwRead)
		return "repeatable read"
	case kwRead:
		switch p.acceptAny(kwCommitted, kwUncommitted) {
		case kwCommitted:
			return "read committed"
		case kwUncommitted:
			return "read uncommitted"
		}
	}
	p.fail()
	return ""
}

// readOnly reads ONLY or WRITE.
func (p *parser) readOnly(loc Loc) Expr {
	switch p.acceptAny(kwOnly, kwWrite) {
	case kwOnly:
		return &Literal{loc, Bool, "true"}
	case kwWrite:
		return &Literal{loc, Bool, "false"}
	}
	p.fail()
	return nil
}

// endsName tells whether the token after tok shows that tok, an unreserved keyword, is the name of a setting.
func (p *parser) endsName() bool {
	next := p.peek()
	return next.kind == tkEqual || next.kind == tkDot || next.kw == kwTo || next.kw == kwFrom
}

// set reads SET.
func (p *parser) set() Stmt {
	loc := p.loc()
	p.expect(kwSet)
	if p.is(kwConstraints) && !p.endsName() {
		return p.skipRest(&Other{Loc: loc, Command: "SET CONSTRAINTS"})
	}
	local := p.is(kwLocal) && !p.endsName()
	k := p.peek().kw
	if local || p.is(kwSession) && !p.endsName() && k != kwCharacteristics && k != kwAuthorization {
		p.advance()
	}
	if p.is(kwSession) && p.peek().kw == kwCharacteristics {
		p.expect(kwSession, kwCharacteristics, kwAs, kwTransaction)
		return &SetTransaction{Loc: loc, Session: true, Modes: p.transactionModes(true)}
	}
	if p.is(kwTransaction) && !p.endsName() {
		p.advance()
		if p.accept(kwSnapshot) {
			return &SetTransaction{Loc: loc, Snapshot: p.stringConst()}
		}
		return &SetTransaction{Loc: loc, Modes: p.transactionModes(true)}
	}
	s := &Set{Loc: loc, Local: local}
	if p.endsName() || !p.specialSetting(s) {
		p.genericSetting(s)
	}
	return s
}

// genericSetting reads name TO values, name = values or name FROM CURRENT.
func (p *parser) genericSetting(s *Set) {
	s.Name = p.settingName()
	if p.accept(kwFrom) {
		p.expect(kwCurrent)
		s.FromCurrent = true
		return
	}
	if !p.accept(kwTo) {
		p.expectKind(tkEqual)
	}
	if s.Default = p.accept(kwDefault); s.Default {
		return
	}
	for more := true; more; more = p.acceptKind(tkComma) {
		s.Values = append(s.Values, p.settingValue())
	}
}

// settingName reads the name of a setting, with points in it or without.
func (p *parser) settingName() string {
	name := p.colID()
	for p.acceptKind(tkDot) {
		name += "." + p.colID()
	}
	return name
}

// specialSetting reads the settings that have a syntax of their own; it returns false if tok starts none.
func (p *parser) specialSetting(s *Set) bool {
	k, loc := p.tok.kw, p.loc()
	switch k {
	case kwTime, kwCatalog, kwSchema, kwNames, kwRole, kwSession, kwXml:
		p.advance()
	}
	switch k {
	case kwTime:
		p.expect(kwZone)
		s.Name = "timezone"
		p.zoneValue(s)
		return true
	case kwCatalog:
		p.stringConst()
		p.refuse(CodeFeature, "current database cannot be changed", loc)
	case kwSchema:
		s.Name = "search_path"
		s.Values = p.oneString()
	case kwNames:
		s.Name = "client_encoding"
		if p.tok.kind == tkString {
			s.Values = p.oneString()
		} else {
			p.accept(kwDefault)
			s.Default = true
		}
	case kwRole:
		s.Name = "role"
		s.Values = []Expr{p.wordLiteral()}
	case kwSession:
		p.expect(kwAuthorization)
		s.Name = "session_authorization"
		if s.Default = p.accept(kwDefault); !s.Default {
			s.Values = []Expr{p.wordLiteral()}
		}
	case kwXml:
		p.expect(kwOption)
		s.Name = "xmloption"
		if !p.is(kwDocument) && !p.is(kwContent) {
			p.fail()
		}
		s.Values = []Expr{p.wordLiteral()}
	default:
		return false
	}
	return true
}

// oneString reads a string constant as a list of values.
func (p *parser) oneString() []Expr {
	loc := p.loc()
	return []Expr{&Literal{loc, String, p.stringConst()}}
}

// wordLiteral reads a word or string as a string.
func (p *parser) wordLiteral() Expr {
	loc := p.loc()
	return &Literal{loc, String, p.wordOrString()}
}

// zoneValue reads the value of SET TIME ZONE.
func (p *parser) zoneValue(s *Set) {
	switch {
	case p.is(kwInterval):
		s.Values = []Expr{p.zoneInterval()}
	case p.accept(kwDefault), p.accept(kwLocal):
		s.Default = true
	case p.tok.kind == tkString, p.tok.kind == tkIdent && p.tok.kw == 0:
		s.Values = []Expr{p.wordLiteral()}
	case p.tok.kind == tkIdent:
		p.fail()
	default:
		s.Values = []Expr{p.settingValue()}
	}
}

// zoneInterval reads an interval, which may have hours and minutes only.
func (p *parser) zoneInterval() Expr {
	t := &TypeName{}
	t.Loc = p.loc()
	p.simpleType(t)
	if p.tok.kind != tkString {
		p.fail()
	}
	c := p.constant()
	if loc := p.loc(); t.Mods == nil {
		p.intervalFields(t)
		if t.Fields&^(Hour|Minute) != 0 {
			p.refuse(CodeSyntax, "time zone interval must be HOUR or HOUR TO MINUTE", loc)
		}
	}
	return &Cast{t.Loc, c, t}
}

// settingOrAll reads the name of a setting as SHOW and RESET take it.
func (p *parser) settingOrAll() string {
	switch {
	case p.accept(kwAll):
		return "all"
	case p.is(kwTime) && p.peek().kw == kwZone:
		p.expect(kwTime, kwZone)
		return "timezone"
	case p.is(kwTransaction) && p.peek().kw == kwIsolation:
		p.expect(kwTransaction, kwIsolation, kwLevel)
		return "transaction_isolation"
	case p.is(kwSession) && p.peek().kw == kwAuthorization:
		p.expect(kwSession, kwAuthorization)
		return "session_authorization"
	}
	return p.settingName()
}
