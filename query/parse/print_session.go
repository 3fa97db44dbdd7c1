package parse

// stmt writes any statement.
func (w *printer) stmt(s Stmt) {
	switch s := s.(type) {
	case *Select:
		w.query(s)
	case *Insert:
		w.insert(s)
	case *Update:
		w.with(s.With)
		w.text("UPDATE ")
		w.relation(&s.Table)
		w.text(" SET ")
		w.assignments(s.Set)
		if s.From != nil {
			w.text(" FROM ")
			w.tables(s.From)
		}
		w.where(s.Where, s.CurrentOf)
		w.returning(s.Returning)
	case *Delete:
		w.with(s.With)
		w.text("DELETE FROM ")
		w.relation(&s.Table)
		if s.Using != nil {
			w.text(" USING ")
			w.tables(s.Using)
		}
		w.where(s.Where, s.CurrentOf)
		w.returning(s.Returning)
	case *Copy:
		w.copy(s)
	case *Explain:
		w.text("EXPLAIN ")
		if s.Options != nil {
			w.options(s.Options)
			w.text(" ")
		}
		w.stmt(s.Stmt)
	case *Other:
		w.text(s.text)
	default:
		w.sessionStmt(s)
	}
}

// sessionStmt writes a statement about transactions, settings and roles.
func (w *printer) sessionStmt(s Stmt) {
	switch s := s.(type) {
	case *Transaction:
		w.transaction(s)
	case *SetTransaction:
		switch {
		case s.Session:
			w.text("SET SESSION CHARACTERISTICS AS TRANSACTION")
			w.modes(s.Modes)
		case s.Snapshot != "":
			w.text("SET TRANSACTION SNAPSHOT ", quoteLiteral(s.Snapshot))
		default:
			w.text("SET TRANSACTION")
			w.modes(s.Modes)
		}
	case *Set:
		w.set(s)
	case *Show:
		w.text("SHOW ")
		w.setting(s.Name, true)
	case *Reset:
		w.text("RESET ")
		w.setting(s.Name, true)
	case *Discard:
		w.text("DISCARD ", upperASCII(s.What))
	default:
		w.roleStmt(s)
	}
}

// cursorStmt writes a statement about prepared statements, cursors and notifications.
func (w *printer) cursorStmt(s Stmt) {
	switch s := s.(type) {
	case *Prepare:
		w.text("PREPARE ")
		w.ident(s.Name)
		if s.Types != nil {
			w.text(" (")
			w.list(len(s.Types), func(i int) { w.typeName(s.Types[i]) })
			w.text(")")
		}
		w.text(" AS ")
		w.stmt(s.Stmt)
	case *Execute:
		w.text("EXECUTE ")
		w.ident(s.Name)
		if s.Args != nil {
			w.parens(s.Args)
		}
	case *Deallocate:
		w.text("DEALLOCATE ")
		w.identOr(s.Name, "ALL")
	case *DeclareCursor:
		w.declare(s)
	case *Fetch:
		w.fetch(s)
	case *CloseCursor:
		w.text("CLOSE ")
		w.identOr(s.Name, "ALL")
	case *Listen:
		w.text("LISTEN ")
		w.ident(s.Channel)
	case *Unlisten:
		w.text("UNLISTEN ")
		w.identOr(s.Channel, "*")
	case *Notify:
		w.text("NOTIFY ")
		w.ident(s.Channel)
		if s.Payload != "" {
			w.text(", ", quoteLiteral(s.Payload))
		}
	default:
		panic("parse: unknown statement")
	}
}

// identOr writes an identifier, or word if it is empty.
func (w *printer) identOr(name, word string) {
	if name == "" {
		w.text(word)
		return
	}
	w.ident(name)
}

// copy writes a COPY statement.
func (w *printer) copy(s *Copy) {
	w.text("COPY ")
	if s.Query != nil {
		w.text("(")
		w.stmt(s.Query)
		w.text(")")
	} else {
		w.name(*s.Table)
		if s.Cols != nil {
			w.text(" ")
			w.columns(s.Cols)
		}
	}
	end := "STDOUT"
	if s.From {
		w.text(" FROM ")
		end = "STDIN"
	} else {
		w.text(" TO ")
	}
	switch {
	case s.Program:
		w.text("PROGRAM ", quoteLiteral(s.File))
	case s.File != "":
		w.text(quoteLiteral(s.File))
	default:
		w.text(end)
	}
	if s.Options != nil {
		w.text(" WITH ")
		w.options(s.Options)
	}
	w.clause(" WHERE ", s.Where)
}

// options writes options in parentheses.
func (w *printer) options(list []Option) {
	w.text("(")
	w.list(len(list), func(i int) {
		o := list[i]
		w.ident(o.Name)
		if o.Value != nil {
			w.text(" ")
			w.expr(o.Value)
		}
		if o.List != nil {
			w.text(" (")
			w.list(len(o.List), func(i int) { w.text(quoteLiteral(o.List[i])) })
			w.text(")")
		}
	})
	w.text(")")
}

// transaction writes a transaction control statement.
func (w *printer) transaction(t *Transaction) {
	w.text([...]string{Begin: "BEGIN", Start: "START TRANSACTION", Commit: "COMMIT", Rollback: "ROLLBACK",
		Savepoint: "SAVEPOINT ", Release: "RELEASE ", RollbackTo: "ROLLBACK TO ",
		PrepareTransaction: "PREPARE TRANSACTION ", CommitPrepared: "COMMIT PREPARED ",
		RollbackPrepared: "ROLLBACK PREPARED "}[t.Kind])
	switch t.Kind {
	case Savepoint, Release, RollbackTo:
		w.ident(t.Name)
	case PrepareTransaction, CommitPrepared, RollbackPrepared:
		w.text(quoteLiteral(t.Name))
	}
	w.modes(t.Modes)
	if t.Chain {
		w.text(" AND CHAIN")
	}
}

// modes writes transaction modes.
func (w *printer) modes(list []Option) {
	for i, o := range list {
		if i > 0 {
			w.text(",")
		}
		value := o.Value.(*Literal).Text
		switch o.Name {
		case "transaction_isolation":
			w.text(" ISOLATION LEVEL ", upperASCII(value))
		case "transaction_read_only":
			w.text(map[string]string{"true": " READ ONLY", "false": " READ WRITE"}[value])
		case "transaction_deferrable":
			w.text(" ", notWord(value == "false"), "DEFERRABLE")
		}
	}
}

// setting writes the name of a setting; all stands for ALL.
func (w *printer) setting(name string, all bool) {
	if all && name == "all" {
		w.text("ALL")
		return
	}
	start := 0
	for i := 0; i <= len(name); i++ {
		if i == len(name) || name[i] == '.' {
			if start > 0 {
				w.text(".")
			}
			w.ident(name[start:i])
			start = i + 1
		}
	}
}

// set writes a SET statement.
func (w *printer) set(s *Set) {
	w.text("SET ")
	if s.Local {
		w.text("LOCAL ")
	}
	if c := intervalOf(s); c != nil {
		w.text("TIME ZONE INTERVAL")
		if c.Type.Fields == 0 {
			w.mods(c.Type.Mods)
		}
		w.text(" ")
		w.expr(c.X)
		w.text(" ", c.Type.Fields.String())
		return
	}
	w.setting(s.Name, false)
	switch {
	case s.FromCurrent:
		w.text(" FROM CURRENT")
	case s.Default:
		w.text(" TO DEFAULT")
	default:
		w.text(" TO ")
		w.exprs(s.Values)
	}
}

// intervalOf returns the interval that s sets the time zone to, nil if it sets something else.
func intervalOf(s *Set) *Cast {
	if len(s.Values) != 1 {
		return nil
	}
	c, _ := s.Values[0].(*Cast)
	return c
}

// declare writes DECLARE CURSOR.
func (w *printer) declare(s *DeclareCursor) {
	w.text("DECLARE ")
	w.ident(s.Name)
	for _, o := range [...]struct {
		set  bool
		word string
	}{{s.Binary, " BINARY"}, {s.Insensitive, " INSENSITIVE"}, {s.Asensitive, " ASENSITIVE"}, {s.Scroll, " SCROLL"},
		{s.NoScroll, " NO SCROLL"}} {
		if o.set {
			w.text(o.word)
		}
	}
	w.text(" CURSOR")
	if s.Hold {
		w.text(" WITH HOLD")
	}
	w.text(" FOR ")
	w.query(s.Query)
}

// roleOptions writes the options of CREATE ROLE and ALTER ROLE.
func (w *printer) roleOptions(options []Option) {
	for _, o := range options {
		w.text(" ")
		switch o.Name {
		case "password", "sysid":
			w.text(upperASCII(o.Name), " ")
			w.expr(o.Value)
		case "connection_limit":
			w.text("CONNECTION LIMIT ")
			w.expr(o.Value)
		case "valid_until":
			w.text("VALID UNTIL ")
			w.expr(o.Value)
		case "in_role", "role", "admin":
			w.text(map[string]string{"in_role": "IN ROLE ", "role": "ROLE ", "admin": "ADMIN "}[o.Name])
			w.list(len(o.List), func(i int) { w.ident(o.List[i]) })
		default:
			if o.Value.(*Literal).Text == "false" {
				w.text("NO")
			}
			w.text(upperASCII(o.Name))
		}
	}
}
