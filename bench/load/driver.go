package load

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A Driver is a connection as programs have it: by pgx, Go's usual driver.
type Driver struct{ conn *pgx.Conn }

// DialDriver connects like Dial.
func DialDriver(ctx context.Context, address, user, database string) (*Driver, error) {
	host, port, err := net.SplitHostPort(address)
	if dir, file := filepath.Split(address); filepath.IsAbs(address) {
		host, port, err = dir, strings.TrimPrefix(filepath.Ext(file), "."), nil
	}
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, fmt.Sprintf("host=%s port=%s user=%s dbname=%s sslmode=disable", host, port, user, database))
	if err != nil {
		return nil, err
	}
	return &Driver{conn}, nil
}

// Close closes the connection.
func (d *Driver) Close() error { return d.conn.Close(context.Background()) }

// RunAll runs SQL with one parameter n times, as one batch, which pgx prepares, sends in a pipeline and ends with one Sync: one
// transaction. parameter is called for each and returns the parameter, which must stay as it is until RunAll returns.
func (d *Driver) RunAll(ctx context.Context, sql string, n int, parameter func(i int) []byte) error {
	var b pgx.Batch
	for i := range n {
		b.Queue(sql, parameter(i))
	}
	return d.conn.SendBatch(ctx, &b).Close()
}
