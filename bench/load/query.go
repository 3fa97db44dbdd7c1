package load

import (
	"errors"
	"fmt"
)

// ask sends SQL as a simple query.
func (c *Conn) ask(sql string) error {
	at := c.begin('Q')
	c.out = cstring(c.out, sql)
	c.end(at)
	return c.flush()
}

// Query runs one SQL statement without parameters and returns its rows as text; NULL is "\N".
func (c *Conn) Query(sql string) (rows [][]string, err error) {
	if err := c.ask(sql); err != nil {
		return nil, err
	}
	err = c.untilReady(func(body []byte) error {
		var row []string
		err := eachField(body, func(_ int, field []byte) {
			if field == nil {
				row = append(row, `\N`)
				return
			}
			row = append(row, string(field))
		})
		rows = append(rows, row)
		return err
	})
	return rows, err
}

// CopyIn runs a COPY … FROM STDIN whose data next appends to dst, some rows at a time; it appends nothing at the end.
func (c *Conn) CopyIn(sql string, next func(dst []byte) []byte) error {
	if err := c.ask(sql); err != nil {
		return err
	}
	kind, body, err := c.next()
	switch {
	case err != nil:
		return err
	case kind == 'E':
		return errors.Join(serverError(body), c.untilReady(nil))
	case kind != 'G':
		return fmt.Errorf("message %q in answer to COPY", kind)
	}
	for {
		at := c.begin('d')
		from := len(c.out)
		if c.out = next(c.out); len(c.out) == from {
			c.out = c.out[:from-5]
			break
		}
		c.end(at)
		if err := c.flush(); err != nil {
			return err
		}
	}
	c.end(c.begin('c'))
	if err := c.flush(); err != nil {
		return err
	}
	return c.untilReady(nil)
}
