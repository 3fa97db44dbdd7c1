package wire

import "github.com/jackc/pgproto3/v2"

// extended serves a message of the extended protocol. An error that it returns is to be reported.
func (c *conn) extended(typ byte, body []byte) error {
	switch typ {
	case msgParse:
		return c.serveParse(body)
	case msgBind:
		return c.serveBind(body)
	case msgDescribe:
		return c.serveDescribe(body)
	case msgExecute:
		tag, err := c.serveExecute(body)
		if err != nil || tag == "" || c.cycle.length == 0 {
			return err
		}
		return c.repeat(tag)
	case msgClose:
		return c.serveClose(body)
	}
	panic("wire: message type without a server")
}

// sync serves Sync. ReadyForQuery follows whatever it returns.
func (c *conn) sync(body []byte) error {
	ctx := c.beginCall()
	defer c.endCall()
	if err := c.session.Sync(ctx); err != nil {
		return err
	}
	c.reportNotices()
	if len(body) > 0 {
		return errInvalidFormat
	}
	return nil
}

func (c *conn) serveParse(body []byte) error {
	p := &c.parse
	if err := decodeParse(body, p); err != nil {
		return err
	}
	ctx := c.beginCall()
	defer c.endCall()
	if err := c.session.Parse(ctx, p.name, p.sql, p.types); err != nil {
		return err
	}
	c.reportNotices()
	c.out.message(parseComplete)
	return nil
}

func (c *conn) serveBind(body []byte) error {
	b := &c.bind
	if err := decodeBind(body, b); err != nil {
		return err
	}
	ctx := c.beginCall()
	defer c.endCall()
	if err := c.session.Bind(ctx, b); err != nil {
		return err
	}
	c.reportNotices()
	c.out.message(bindComplete)
	c.cycle = cycle{}
	if in := &c.in; b.Portal == "" && in.r >= headerBytes+len(body) { // its header is still there
		c.cycle = findCycle(body, in.buf[in.r:in.w])
	}
	return nil
}

func (c *conn) serveDescribe(body []byte) error {
	kind, name, err := decodeTarget(body, "DESCRIBE")
	if err != nil {
		return err
	}
	ctx := c.beginCall()
	defer c.endCall()
	var columns []Column
	if kind == 'S' {
		var types []uint32
		if types, columns, err = c.session.DescribeStatement(ctx, name); err != nil {
			return err
		}
		c.reportNotices()
		c.out.message(&pgproto3.ParameterDescription{ParameterOIDs: types})
	} else {
		if columns, err = c.session.DescribePortal(ctx, name); err != nil {
			return err
		}
		c.reportNotices()
	}
	c.out.columns(columns)
	if kind == 'S' || name != "" || columns != nil {
		c.cycle = cycle{}
	}
	return nil
}

// serveExecute returns the tag of a result of the unnamed portal that has ended.
func (c *conn) serveExecute(body []byte) (tag string, err error) {
	portal, rows, err := decodeExecute(body)
	if err != nil {
		return "", err
	}
	ctx := c.beginCall()
	defer c.endCall()
	result, err := c.session.Execute(ctx, portal)
	if err != nil {
		return "", err
	}
	if result == nil {
		c.out.message(emptyQuery)
		return "", nil
	}
	tag, more, err := c.result(ctx, result, false, rows)
	if err != nil {
		return "", err
	}
	c.reportNotices()
	if more {
		c.out.message(portalSuspended)
		return "", nil
	}
	c.out.complete(tag)
	if portal != "" {
		return "", nil
	}
	return tag, nil
}

func (c *conn) serveClose(body []byte) error {
	kind, name, err := decodeTarget(body, "CLOSE")
	if err != nil {
		return err
	}
	ctx := c.beginCall()
	defer c.endCall()
	if kind == 'S' {
		err = c.session.CloseStatement(ctx, name)
	} else {
		err = c.session.ClosePortal(ctx, name)
	}
	if err != nil {
		return err
	}
	c.reportNotices()
	c.out.message(closeComplete)
	return nil
}
