package load

import (
	"encoding/binary"
	"errors"
	"math"
)

// Exec runs SQL without parameters, which may be several statements, and returns the first column of its rows as text.
func (c *Conn) Exec(sql string) (column []string, err error) {
	if err := c.ask(sql); err != nil {
		return nil, err
	}
	err = c.untilReady(func(body []byte) error {
		return eachField(body, func(i int, field []byte) {
			if i == 0 {
				column = append(column, string(field))
			}
		})
	})
	return column, err
}

// Prepare makes a prepared statement.
func (c *Conn) Prepare(name, sql string) error {
	at := c.begin('P')
	c.out = cstring(cstring(c.out, name), sql)
	c.out = append(c.out, 0, 0)
	c.end(at)
	return c.syncUntilReady(nil)
}

// Run runs a prepared statement with one binary parameter. Its rows' fields, in binary, are handed to field one by one, which
// may be nil; they are valid during the call only. Run returns the number of rows.
func (c *Conn) Run(name string, parameter []byte, field func(row, column int, value []byte)) (rows int, err error) {
	c.bind(name, parameter)
	err = c.syncUntilReady(func(body []byte) error {
		rows++
		if field == nil {
			return nil
		}
		return eachField(body, func(i int, value []byte) { field(rows-1, i, value) })
	})
	return rows, err
}

// maxPipeline bounds the statements of a pipeline: their answers must fit between server and client while the client
// still sends.
const maxPipeline = 2000

// RunAll runs a prepared statement n times, at most maxPipeline, with one Sync: one transaction, one round trip. parameter is
// called for each and returns the parameter, which is copied at once.
func (c *Conn) RunAll(name string, n int, parameter func(i int) []byte) error {
	if n > maxPipeline {
		return errors.New("more statements in a pipeline than the connection holds answers for")
	}
	for i := range n {
		c.bind(name, parameter(i))
	}
	return c.syncUntilReady(nil)
}

// RunWith runs a prepared statement with binary parameters, 65,535 at most, and no rows.
func (c *Conn) RunWith(name string, parameters [][]byte) error {
	if len(parameters) > math.MaxUint16 {
		return errors.New("more parameters than a statement can have")
	}
	c.bind(name, parameters...)
	return c.syncUntilReady(nil)
}

// bind appends Bind and Execute.
func (c *Conn) bind(name string, parameters ...[]byte) {
	at := c.begin('B')
	c.out = append(c.out, 0) // the unnamed portal
	c.out = cstring(c.out, name)
	c.out = append(c.out, 0, 1, 0, 1) // one format for all parameters, binary
	c.out = binary.BigEndian.AppendUint16(c.out, uint16(len(parameters)))
	for _, p := range parameters {
		c.out = binary.BigEndian.AppendUint32(c.out, uint32(len(p)))
		c.out = append(c.out, p...)
	}
	c.out = append(c.out, 0, 1, 0, 1) // all columns binary
	c.end(at)
	c.out = append(c.out, 'E', 0, 0, 0, 9, 0, 0, 0, 0, 0)
}

// syncUntilReady ends what is asked for with a Sync, sends it and reads the answer as untilReady does.
func (c *Conn) syncUntilReady(row func(body []byte) error) error {
	c.out = append(c.out, 'S', 0, 0, 0, 4)
	if err := c.flush(); err != nil {
		return err
	}
	return c.untilReady(row)
}

// byteaOID is the type id of bytea.
const byteaOID = 17

// AppendArray appends the binary form of a bytea[] to dst; each element has size bytes, and elements holds them one after the
// other.
func AppendArray(dst, elements []byte, size int) []byte {
	for _, v := range []int{1, 0, byteaOID, len(elements) / size, 1} { // dimensions, no NULLs, type, length, lower bound
		dst = binary.BigEndian.AppendUint32(dst, uint32(v))
	}
	for ; len(elements) > 0; elements = elements[size:] {
		dst = binary.BigEndian.AppendUint32(dst, uint32(size))
		dst = append(dst, elements[:size]...)
	}
	return dst
}

// errRow says that a DataRow is shorter than it says.
var errRow = errors.New("malformed row from the server")

// eachField hands the fields of a DataRow to f; NULL is nil.
func eachField(body []byte, f func(i int, field []byte)) error {
	if len(body) < 2 {
		return errRow
	}
	n := int(binary.BigEndian.Uint16(body))
	body = body[2:]
	for i := range n {
		if len(body) < 4 {
			return errRow
		}
		size := int(int32(binary.BigEndian.Uint32(body)))
		body = body[4:]
		if size < 0 {
			f(i, nil)
			continue
		}
		if size > len(body) {
			return errRow
		}
		f(i, body[:size])
		body = body[size:]
	}
	return nil
}
