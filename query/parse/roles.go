package parse

// An AlterRole is ALTER ROLE, USER or GROUP name with options, which are those of CreateRole.
type AlterRole struct {
	Loc
	Name    string // "current_user" and "session_user" as such
	Options []Option
}

// An AlterRoleSet is ALTER ROLE name SET or RESET of a setting.
type AlterRoleSet struct {
	Loc
	Name     string // as in AlterRole; "" for ALL
	Database string // "" for all
	Set      *Set   // nil for RESET
	Reset    *Reset // nil for SET
}

// A DropRole is DROP ROLE, USER or GROUP.
type DropRole struct {
	Loc
	IfExists bool
	Names    []string
}

// A GrantRole is GRANT or REVOKE of membership in roles.
type GrantRole struct {
	Loc
	Revoke bool
	Roles  []string
	To     []string // FROM, of REVOKE
}

func (*AlterRole) stmtNode()    {}
func (*AlterRoleSet) stmtNode() {}
func (*DropRole) stmtNode()     {}
func (*GrantRole) stmtNode()    {}

func (s *AlterRole) String() string    { return stmtText(s) }
func (s *AlterRoleSet) String() string { return stmtText(s) }
func (s *DropRole) String() string     { return stmtText(s) }
func (s *GrantRole) String() string    { return stmtText(s) }

// hidden stands for a password in a statement that is shown.
const hidden = "********"

// WithoutPassword returns a statement as it may be shown: one that gives a role a password has another text, and secret is
// true.
func WithoutPassword(s Stmt, text string) (shown string, secret bool) {
	var options *[]Option
	switch t := s.(type) {
	case *CreateRole:
		c := *t
		s, options = &c, &c.Options
	case *AlterRole:
		c := *t
		s, options = &c, &c.Options
	default:
		return text, false
	}
	list := make([]Option, len(*options))
	for i, o := range *options {
		if l, ok := o.Value.(*Literal); ok && o.Name == "password" && l.Kind != Null {
			o.Value, secret = &Literal{l.Loc, String, hidden}, true
		}
		list[i] = o
	}
	*options = list
	if !secret {
		return text, false
	}
	return s.String(), true
}

// isRole tells whether tok is ROLE, USER or GROUP and means a role.
func (p *parser) isRole() bool {
	return p.is(kwRole) || p.is(kwGroup) || p.is(kwUser) && p.peek().kw != kwMapping
}

// alterOrDrop reads ALTER and DROP.
func (p *parser) alterOrDrop(s *Other) Stmt {
	drop := p.is(kwDrop)
	s.Command = upperASCII(p.take())
	switch {
	case p.isRole() && drop:
		p.advance()
		return p.dropRole(s.Loc)
	case p.isRole():
		if r := p.alterRole(s); r != nil {
			return r
		}
	default:
		s.Command += " " + p.objectKind()
		p.acceptIf(s)
		p.accept(kwOnly)
		p.objects(s)
	}
	return p.skipRest(s)
}

// dropRole reads the rest of DROP ROLE.
func (p *parser) dropRole(loc Loc) Stmt {
	d := &DropRole{Loc: loc}
	if p.accept(kwIf) {
		p.expect(kwExists)
		d.IfExists = true
	}
	d.Names = p.roleList()
	return d
}

// alterRole reads ALTER ROLE from ROLE on; nil, with s filled, if it is of a form that is only recognised.
func (p *parser) alterRole(s *Other) Stmt {
	group := p.is(kwGroup)
	s.Command += " ROLE"
	p.advance()
	if p.is(kwAll) && !group {
		p.advance()
		return p.alterRoleSet(&AlterRoleSet{Loc: s.Loc})
	}
	loc := p.loc()
	name := p.role()
	s.Objects = append(s.Objects, Name{Loc: loc, Name: name})
	switch {
	case p.is(kwRename), group:
		return nil
	case p.is(kwIn), p.is(kwSet), p.is(kwReset):
		return p.alterRoleSet(&AlterRoleSet{Loc: s.Loc, Name: name})
	}
	a := &AlterRole{Loc: s.Loc, Name: name}
	p.accept(kwWith)
	for p.tok.kind == tkIdent {
		a.Options = append(a.Options, p.roleOption())
	}
	return a
}

// alterRoleSet reads [IN DATABASE name] SET … or RESET ….
func (p *parser) alterRoleSet(a *AlterRoleSet) Stmt {
	if p.accept(kwIn) {
		p.expect(kwDatabase)
		a.Database = p.colID()
	}
	loc := p.loc()
	switch {
	case p.accept(kwReset):
		a.Reset = &Reset{Loc: loc, Name: p.settingOrAll()}
	case p.is(kwSet):
		p.advance()
		a.Set = &Set{Loc: loc}
		if p.endsName() || !p.specialSetting(a.Set) {
			p.genericSetting(a.Set)
		}
	default:
		p.fail()
	}
	return a
}

// grant reads GRANT or REVOKE: of privileges as far as the objects, of roles whole.
func (p *parser) grant(s *Other) Stmt {
	g := &GrantRole{Loc: s.Loc, Revoke: p.is(kwRevoke)}
	s.Command = upperASCII(p.take())
	names := true // so far there are names with commas between them
	for wantName := true; p.tok.kind != tkEOF && p.tok.kind != tkSemicolon && !p.is(kwTo) && !p.is(kwFrom); wantName = !wantName {
		if p.accept(kwOn) {
			if _, ok := objectWords[p.tok.kw]; ok && p.peekKind(tkIdent) {
				p.objectKind()
			}
			p.objects(s)
			return p.skipRest(s)
		}
		if wantName && p.tok.kind == tkIdent {
			g.Roles = append(g.Roles, p.tok.text)
		} else if wantName || p.tok.kind != tkComma {
			names = false
		}
		p.advance()
	}
	if !p.is(kwTo) && !p.is(kwFrom) {
		p.fail()
	}
	s.Command += " ROLE"
	if !names || g.Revoke != p.is(kwFrom) || len(g.Roles) == 0 {
		return p.skipRest(s)
	}
	p.advance()
	g.To = p.roleList()
	if p.tok.kind == tkEOF || p.tok.kind == tkSemicolon {
		return g
	}
	return p.skipRest(s) // WITH ADMIN OPTION, GRANTED BY, CASCADE
}

// roleStmt writes a statement about roles.
func (w *printer) roleStmt(s Stmt) {
	switch s := s.(type) {
	case *CreateRole:
		w.text("CREATE ", s.Kind, " ")
		w.ident(s.Name)
		w.roleOptions(s.Options)
	case *AlterRole:
		w.text("ALTER ROLE ")
		w.ident(s.Name)
		w.roleOptions(s.Options)
	case *AlterRoleSet:
		w.text("ALTER ROLE ")
		w.identOr(s.Name, "ALL")
		if s.Database != "" {
			w.text(" IN DATABASE ")
			w.ident(s.Database)
		}
		w.text(" ")
		if s.Set != nil {
			w.set(s.Set)
		} else {
			w.text("RESET ")
			w.setting(s.Reset.Name, true)
		}
	case *DropRole:
		w.text("DROP ROLE ")
		if s.IfExists {
			w.text("IF EXISTS ")
		}
		w.list(len(s.Names), func(i int) { w.ident(s.Names[i]) })
	case *GrantRole:
		verb, to := "GRANT ", " TO "
		if s.Revoke {
			verb, to = "REVOKE ", " FROM "
		}
		w.text(verb)
		w.list(len(s.Roles), func(i int) { w.ident(s.Roles[i]) })
		w.text(to)
		w.list(len(s.To), func(i int) { w.ident(s.To[i]) })
	default:
		w.cursorStmt(s)
	}
}
