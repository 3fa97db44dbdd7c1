package parse

// prepare reads PREPARE name (types) AS statement.
func (p *parser) prepare() Stmt {
	s := &Prepare{Loc: p.loc()}
	p.expect(kwPrepare)
	s.Name = p.colID()
	if p.acceptKind(tkLeftParen) {
		for more := true; more; more = p.acceptKind(tkComma) {
			s.Types = append(s.Types, p.typeName())
		}
		p.expectKind(tkRightParen)
	}
	p.expect(kwAs)
	if p.is(kwMerge) {
		s.Stmt = p.merge()
	} else {
		s.Stmt = p.preparable()
	}
	return s
}

// execute reads EXECUTE name (values).
func (p *parser) execute() Stmt {
	s := &Execute{Loc: p.loc()}
	p.expect(kwExecute)
	s.Name = p.colID()
	if p.acceptKind(tkLeftParen) {
		s.Args = p.exprList()
		p.expectKind(tkRightParen)
	}
	return s
}

// declare reads DECLARE name … CURSOR … FOR query.
func (p *parser) declare() Stmt {
	s := &DeclareCursor{Loc: p.loc()}
	p.expect(kwDeclare)
	s.Name = p.colID()
	for more := true; more; {
		switch p.acceptAny(kwBinary, kwInsensitive, kwAsensitive, kwScroll, kwNo) {
		case kwBinary:
			s.Binary = true
		case kwInsensitive:
			s.Insensitive = true
		case kwAsensitive:
			s.Asensitive = true
		case kwScroll:
			s.Scroll = true
		case kwNo:
			p.expect(kwScroll)
			s.NoScroll = true
		default:
			more = false
		}
	}
	p.expect(kwCursor)
	if p.accept(kwWith) {
		p.expect(kwHold)
		s.Hold = true
	} else if p.accept(kwWithout) {
		p.expect(kwHold)
	}
	p.expect(kwFor)
	s.Query = p.query()
	return s
}

// fetch reads FETCH or MOVE.
func (p *parser) fetch() Stmt {
	f := &Fetch{Loc: p.loc(), Move: p.is(kwMove), Count: 1}
	p.advance()
	next := p.peek()
	if p.isColID() && (next.kind == tkEOF || next.kind == tkSemicolon) {
		f.Cursor = p.colID() // a direction word alone is the name of a cursor
		return f
	}
	switch k := p.tok.kw; {
	case p.accept(kwNext), p.is(kwFrom), p.is(kwIn):
	case p.accept(kwPrior):
		f.Direction = FetchBackward
	case p.accept(kwFirst):
		f.Direction = FetchAbsolute
	case p.accept(kwLast):
		f.Direction, f.Count = FetchAbsolute, -1
	case k == kwAbsolute || k == kwRelative:
		p.advance()
		f.Direction = FetchAbsolute
		if k == kwRelative {
			f.Direction = FetchRelative
		}
		f.Count = p.signedInteger()
	case k == kwForward || k == kwBackward:
		p.advance()
		if k == kwBackward {
			f.Direction = FetchBackward
		}
		p.fetchRows(f)
	default:
		p.fetchRows(f)
	}
	p.acceptAny(kwFrom, kwIn)
	f.Cursor = p.colID()
	return f
}

// fetchRows reads ALL or a number if one of them is there.
func (p *parser) fetchRows(f *Fetch) {
	switch p.tok.kind {
	case tkInteger, tkMinus, tkPlus:
		f.Count = p.signedInteger()
	default:
		if p.accept(kwAll) {
			f.All, f.Count = true, 0
		}
	}
}

// roleWords are the words of role options that come with a NO form, and the boolean each means.
var roleWords = map[string]bool{
	"superuser": true, "createdb": true, "createrole": true, "login": true, "replication": true, "bypassrls": true,
	"nosuperuser": false, "nocreatedb": false, "nocreaterole": false, "nologin": false, "noreplication": false,
	"nobypassrls": false, "noinherit": false,
}

// createRole reads CREATE ROLE, USER or GROUP, of which tok is the kind.
func (p *parser) createRole(loc Loc) Stmt {
	s := &CreateRole{Loc: loc, Kind: upperASCII(p.take())}
	nameLoc, kw := p.loc(), p.tok.kw
	switch kw {
	case kwCurrentUser, kwSessionUser, kwCurrentRole:
		p.refuse(codeReservedName, upperASCII(p.tok.text)+" cannot be used as a role name here", nameLoc)
	}
	s.Name = p.word()
	if s.Name == "public" || s.Name == "none" {
		p.refuse(codeReservedName, `role name "`+s.Name+`" is reserved`, nameLoc)
	}
	p.accept(kwWith)
	for p.tok.kind == tkIdent {
		s.Options = append(s.Options, p.roleOption())
	}
	return s
}

// roleOption reads one option of CREATE ROLE.
func (p *parser) roleOption() Option {
	o := Option{Loc: p.loc()}
	switch k := p.tok.kw; k {
	case kwEncrypted, kwPassword:
		p.accept(kwEncrypted)
		p.expect(kwPassword)
		o.Name = "password"
		loc := p.loc()
		if k == kwPassword && p.accept(kwNull) {
			o.Value = &Literal{loc, Null, ""}
		} else {
			o.Value = &Literal{loc, String, p.stringConst()}
		}
	case kwUnencrypted:
		panic(&Error{Code: CodeFeature, Message: "UNENCRYPTED PASSWORD is no longer supported",
			Hint: "Remove UNENCRYPTED to store the password in encrypted form instead.", Pos: int(o.Loc)})
	case kwInherit:
		p.advance()
		o.Name, o.Value = "inherit", &Literal{o.Loc, Bool, "true"}
	case kwConnection:
		p.expect(kwConnection, kwLimit)
		o.Name, o.Value = "connection_limit", p.signedLiteral()
	case kwValid:
		p.expect(kwValid, kwUntil)
		loc := p.loc()
		o.Name, o.Value = "valid_until", &Literal{loc, String, p.stringConst()}
	case kwSysid:
		p.advance()
		o.Name, o.Value = "sysid", p.signedLiteral()
	case kwIn:
		p.advance()
		if p.acceptAny(kwRole, kwGroup) == 0 {
			p.fail()
		}
		o.Name, o.List = "in_role", p.roleList()
	case kwRole, kwUser:
		p.advance()
		o.Name, o.List = "role", p.roleList()
	case kwAdmin:
		p.advance()
		o.Name, o.List = "admin", p.roleList()
	default:
		p.roleWord(&o)
	}
	return o
}

// roleWord reads LOGIN, NOLOGIN and the like, which are no keywords.
func (p *parser) roleWord(o *Option) {
	if p.tok.kw != 0 {
		p.fail()
	}
	on, ok := roleWords[p.tok.text]
	if !ok {
		p.refuse(CodeSyntax, `unrecognized role option "`+p.tok.text+`"`, o.Loc)
	}
	o.Name, o.Value = p.take(), &Literal{o.Loc, Bool, "true"}
	if !on {
		o.Name, o.Value = o.Name[len("no"):], &Literal{o.Loc, Bool, "false"}
	}
}

// signedLiteral reads an integer constant with or without sign.
func (p *parser) signedLiteral() Expr {
	loc := p.loc()
	minus := p.acceptKind(tkMinus)
	if !minus {
		p.acceptKind(tkPlus)
	}
	if p.tok.kind != tkInteger || len(p.tok.text) > len("2147483647") {
		p.fail()
	}
	c := p.constant()
	if minus {
		return p.negate(c, loc)
	}
	return c
}

// roleList reads a list of roles.
func (p *parser) roleList() []string {
	list := []string{p.role()}
	for p.acceptKind(tkComma) {
		list = append(list, p.role())
	}
	return list
}

// role reads the name of a role, or a word that stands for one.
func (p *parser) role() string {
	switch p.tok.kw {
	case kwCurrentUser, kwSessionUser, kwCurrentRole:
		return p.take()
	}
	return p.word()
}
