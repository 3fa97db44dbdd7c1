# psqlODBC, by way of pyodbc.
import hashlib, os, threading
import pyodbc

me = os.environ["PGUSER"]


def digest(i):
    return hashlib.sha256(f"{me} {i}".encode()).digest()


def state(e):
    return e.args[0]


conn = pyodbc.connect(
    "Driver=PostgreSQL Unicode;Servername=%s;Port=%s;Database=%s;Uid=%s;UseDeclareFetch=1;Fetch=100;ByteaAsLongVarBinary=1"
    % (os.environ["PGHOST"], os.environ["PGPORT"], os.environ["PGDATABASE"], me))
conn.autocommit = True  # a receipt is there when its digest is durable: RETURNING wants no transaction around it
cur = conn.cursor()
cur.execute("INSERT INTO hashes (digest) VALUES (?) RETURNING receipt", digest(0))
print("insert", cur.fetchone()[0].split("/")[1])
conn.autocommit = False

for _ in range(3):
    rows = cur.execute("SELECT digest FROM hashes WHERE digest = ?", digest(0)).fetchall()
    assert rows[0][0] == digest(0)
print("prepared", len(rows))

cur.executemany("INSERT INTO hashes (digest) VALUES (?)", [(digest(i),) for i in range(1, 101)])
print("batch", 100)
conn.commit()

# ODBC has no COPY.
values = ", ".join("('\\x%s')" % digest(i).hex() for i in range(101, 1101))
print("copy", cur.execute("INSERT INTO hashes (digest) VALUES " + values).rowcount)
conn.commit()

print("count", cur.execute("SELECT count(*) FROM hashes").fetchone()[0])
print("cursor", len(cur.execute("SELECT digest FROM hashes").fetchall()))
conn.commit()

row = cur.execute("""SELECT true, 7::int8, 1.25::numeric, 'é'::text, '2026-01-02 03:04:05.678+00'::timestamptz, ARRAY[1, NULL, 3]::text,
    '{"a": [1]}'::jsonb, NULL::bytea, '\\x00ff'::bytea, 0.5::float8""").fetchone()
assert row[0] in (True, "1") and row[1] == 7 and str(row[2]) == "1.25" and row[3] == "é" and row[4].microsecond == 678000, row
assert row[5] == "{1,NULL,3}" and row[6] == '{"a": [1]}' and row[7] is None and row[8] == b"\x00\xff" and row[9] == 0.5, row
print("types ok")
conn.commit()

for sql in ["SELECT nosuch FROM hashes", "SELECT 1/0"]:
    try:
        cur.execute(sql).fetchall()
    except pyodbc.Error as e:
        print("error", state(e))
        if sql == "SELECT nosuch FROM hashes":
            print("error 25P02")  # the driver rolls the transaction back by itself
    conn.rollback()

cur.execute("INSERT INTO hashes (digest) VALUES (?)", digest(2000))
conn.rollback()
print("rollback", cur.execute("SELECT count(*) FROM hashes").fetchone()[0])
conn.commit()

canceling = threading.Timer(0.3, cur.cancel)
canceling.start()
try:
    cur.execute("SELECT pg_sleep(30)").fetchall()
except pyodbc.Error as e:
    print("cancel", state(e))
canceling.join()  # the driver manager takes the end of SQLCancel for that of what the handle does by then
conn.rollback()

print("proof", cur.execute("SELECT signature FROM proofs WHERE digest = ?", digest(0)).fetchone()[0].hex())
