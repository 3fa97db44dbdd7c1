package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jurat-ledger/jurat/internal/require"
)

// clients are the drivers of other languages. Each has a script in testdata/clients that files, finds, copies, walks cursors, reads
// all types, makes errors, rolls back, cancels and fetches a proof. Debian's packages, for Debian's interpreters, and npm's are
// used, and a module of Go of its own for lib/pq, which also listens: .ci/run says which. SQLAlchemy's and Django's read the tables
// from the catalog first. Some come by the Unix socket.
var clients = []struct {
	script  string
	command []string
	probe   []string // succeeds where the driver is installed
	unix    bool
}{
	{"psycopg2.py", python, append(python, "-c", "import psycopg2"), false},
	{"psycopg3.py", python, append(python, "-c", "import psycopg"), true},
	{"asyncpg.py", python, append(python, "-c", "import asyncpg"), true},
	{"odbc.py", python, append(python, "-c", "import pyodbc; assert 'PostgreSQL Unicode' in pyodbc.drivers()"), false},
	{"node_postgres.js", []string{"node"}, []string{"node", "-e", "require('pg')"}, false},
	{"postgres_js.js", []string{"node"}, []string{"node", "-e", "require('postgres')"}, false},
	{"dbd_pg.pl", []string{"perl"}, []string{"perl", "-e", "use DBD::Pg"}, true},
	{"php_pgsql.php", []string{"php"}, []string{"php", "-r", "exit(function_exists('pg_connect') ? 0 : 1);"}, false},
	{"php_pdo.php", []string{"php"}, []string{"php", "-r", "exit(in_array('pgsql', PDO::getAvailableDrivers()) ? 0 : 1);"}, true},
	{"ruby_pg.rb", []string{"ruby"}, []string{"ruby", "-e", "require 'pg'"}, true},
	{"sqlalchemy_core.py", python, append(python, "-c", "import sqlalchemy, psycopg2"), false},
	{"django_orm.py", python, append(python, "-c", "import django, psycopg2"), true},
	{"lib_pq", []string{"sh", "-c", `cd "$0" && exec go run .`}, []string{"sh", "-c", "cd lib_pq && go build -o /dev/null ."}, false},
	{"Jdbc.java", []string{"java", "-cp", jdbc}, []string{"sh", "-c", "javac -version && ls " + jdbc}, false},
}

var python = []string{"/usr/bin/python3", "-P"} // -P: a script's neighbours are not modules

const jdbc = "/usr/share/java/postgresql.jar"

// transcript is what every client's script prints, but for the proof that follows.
const transcript = `insert %
prepared 1
batch 100
copy 1000
count 1101
cursor 1101
types ok
error 42703
error 25P02
error 22012
rollback 1101
cancel 57014
proof `

// Every driver works unchanged, each as an agency of its own.
func TestClients(t *testing.T) {
	t.Parallel()
	sockets := t.TempDir()
	s := startServer(t, t.TempDir(), "--socket-directory", sockets)
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	admin := s.connect()
	t.Run("all", func(t *testing.T) {
		for _, c := range clients {
			name, _, _ := strings.Cut(c.script, ".")
			agency := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
			if _, err := admin.Exec(t.Context(), "CREATE ROLE "+pgx.Identifier{agency}.Sanitize()+" LOGIN"); err != nil {
				t.Fatal(err)
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				probe := exec.CommandContext(t.Context(), c.probe[0], c.probe[1:]...)
				probe.Dir = scripts
				if out, err := probe.CombinedOutput(); err != nil {
					require.Missing(t, name, fmt.Sprintf("%v: %s", err, out))
				}
				at := host
				if c.unix {
					at = sockets
				}
				checkClient(t, s, agency, append(c.command, c.script), "PGHOST="+at, "PGPORT="+port)
			})
		}
	})
	s.stop()
}

const scripts = "testdata/clients"

// checkClient runs a script as an agency, compares what it prints and verifies its proof.
func checkClient(t *testing.T, s *serverProcess, agency string, command []string, at ...string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = scripts
	cmd.Env = append(append(os.Environ(), at...), "PGDATABASE=jurat", "PGUSER="+agency)
	out, err := cmd.CombinedOutput()
	hexadecimal, ok := strings.CutPrefix(string(out), strings.Replace(transcript, "%", agency, 1))
	if err != nil || !ok {
		t.Fatalf("%v; it prints:\n%s", err, out)
	}
	proof, err := hex.DecodeString(strings.TrimSpace(hexadecimal))
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(agency + " 0"))
	mustBeProof(t, s, proof, digest[:])
}
