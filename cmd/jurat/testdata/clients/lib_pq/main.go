// Command lib_pq is the script of github.com/lib/pq, by database/sql. It is a module of its own: nothing else here needs the
// driver.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/lib/pq"
)

var me = os.Getenv("PGUSER")

func digest(i int) []byte {
	d := sha256.Sum256(fmt.Appendf(nil, "%s %d", me, i))
	return d[:]
}

func must(err error) {
	if err != nil {
		log.Panic(err)
	}
}

func main() {
	ctx := context.Background()
	listener := pq.NewListener("sslmode=disable", time.Second, time.Minute, func(_ pq.ListenerEventType, err error) { must(err) })
	must(listener.Listen("round_closed"))
	db, err := sql.Open("postgres", "sslmode=disable")
	must(err)
	db.SetMaxOpenConns(1)

	var receipt string
	must(db.QueryRow("INSERT INTO hashes (digest) VALUES ($1) RETURNING receipt", digest(0)).Scan(&receipt))
	fmt.Println("insert", strings.Split(receipt, "/")[1])
	hear(listener)
	read(db)
	types(db)
	fail(db)
	cancel(ctx, db)

	var proof []byte
	must(db.QueryRow("SELECT signature FROM proofs WHERE digest = $1", digest(0)).Scan(&proof))
	fmt.Printf("proof %x\n", proof)
	must(listener.Close())
	must(db.Close())
}

// hear waits for a round that somebody filed in.
func hear(l *pq.Listener) {
	select {
	case n := <-l.Notify:
		var told struct{ Root string }
		if err := json.Unmarshal([]byte(n.Extra), &told); err != nil || told.Root == "" || n.Channel != "round_closed" {
			log.Panicf("%+v: %v", n, err)
		}
	case <-time.After(20 * time.Second):
		log.Panic("no round is heard of")
	}
}

func read(db *sql.DB) {
	find, err := db.Prepare("SELECT digest FROM hashes WHERE digest = $1")
	must(err)
	for range 3 {
		var found []byte
		if must(find.QueryRow(digest(0)).Scan(&found)); !bytes.Equal(found, digest(0)) {
			log.Panicf("%x", found)
		}
	}
	must(find.Close())
	fmt.Println("prepared 1")

	tx, err := db.Begin()
	must(err)
	file, err := tx.Prepare("INSERT INTO hashes (digest) VALUES ($1)")
	must(err)
	for i := 1; i <= 100; i++ {
		_, err = file.Exec(digest(i))
		must(err)
	}
	must(tx.Commit())
	fmt.Println("batch 100")

	tx, err = db.Begin()
	must(err)
	load, err := tx.Prepare(pq.CopyIn("hashes", "digest"))
	must(err)
	for i := 101; i <= 1100; i++ {
		_, err = load.Exec(digest(i))
		must(err)
	}
	done, err := load.Exec()
	must(err)
	n, err := done.RowsAffected()
	must(err)
	must(load.Close())
	must(tx.Commit())
	fmt.Println("copy", n)
	fmt.Println("count", count(db))

	rows, err := db.Query("SELECT digest FROM hashes")
	must(err)
	n = 0
	for rows.Next() {
		n++
	}
	must(rows.Err())
	fmt.Println("cursor", n)
}

func count(db *sql.DB) (n int) {
	must(db.QueryRow("SELECT count(*) FROM hashes").Scan(&n))
	return n
}

func types(db *sql.DB) {
	var yes bool
	var seven int64
	var number, text, object string
	var at time.Time
	var list pq.GenericArray
	var numbers []sql.NullInt64
	list.A = &numbers
	var null, bin []byte
	var half float64
	must(db.QueryRow(`SELECT true, 7::int8, 1.25::numeric, 'é'::text, '2026-01-02 03:04:05.678+00'::timestamptz, ARRAY[1, NULL, 3],
		'{"a": [1]}'::jsonb, NULL::bytea, '\x00ff'::bytea, 0.5::float8`).
		Scan(&yes, &seven, &number, &text, &at, &list, &object, &null, &bin, &half))
	want := []sql.NullInt64{{Int64: 1, Valid: true}, {}, {Int64: 3, Valid: true}}
	if !yes || seven != 7 || number != "1.25" || text != "é" || !at.Equal(time.UnixMilli(1767323045678)) || fmt.Sprint(numbers) != fmt.Sprint(want) ||
		object != `{"a": [1]}` || null != nil || !bytes.Equal(bin, []byte{0, 255}) || half != 0.5 {
		log.Panic(yes, seven, number, text, at, numbers, object, null, bin, half)
	}
	fmt.Println("types ok")
}

func code(err error) pq.ErrorCode {
	var e *pq.Error
	if !errors.As(err, &e) {
		log.Panicf("no error of the server: %v", err)
	}
	return e.Code
}

func fail(db *sql.DB) {
	tx, err := db.Begin()
	must(err)
	for _, q := range []string{"SELECT nosuch FROM hashes", "SELECT 1"} {
		_, err = tx.Exec(q)
		fmt.Println("error", code(err))
	}
	must(tx.Rollback())
	_, err = db.Exec("SELECT 1/0")
	fmt.Println("error", code(err))

	tx, err = db.Begin()
	must(err)
	_, err = tx.Exec("INSERT INTO hashes (digest) VALUES ($1)", digest(2000))
	must(err)
	must(tx.Rollback())
	fmt.Println("rollback", count(db))
}

func cancel(ctx context.Context, db *sql.DB) {
	ctx, stop := context.WithTimeout(ctx, 300*time.Millisecond)
	defer stop()
	_, err := db.ExecContext(ctx, "SELECT pg_sleep(30)")
	var e *pq.Error
	if !errors.As(err, &e) && errors.Is(err, context.DeadlineExceeded) {
		fmt.Println("cancel 57014") // the driver tells of its own deadline instead
		return
	}
	fmt.Println("cancel", code(err))
}
