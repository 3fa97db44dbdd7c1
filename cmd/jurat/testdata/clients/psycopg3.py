# psycopg 3: parameters go apart from the text, in text or binary; pipelines; COPY in binary.
import datetime, decimal, hashlib, os, threading
import psycopg

me = os.environ["PGUSER"]


def digest(i):
    return hashlib.sha256(f"{me} {i}".encode()).digest()


conn = psycopg.connect("", autocommit=True)  # a receipt is there when its digest is durable: RETURNING wants no transaction around it
print("insert", conn.execute("INSERT INTO hashes (digest) VALUES (%s) RETURNING receipt", (digest(0),)).fetchone()[0].split("/")[1])
conn.autocommit = False

for _ in range(3):
    cur = conn.execute("SELECT digest FROM hashes WHERE digest = %b", (digest(0),), prepare=True, binary=True)
    assert cur.fetchone()[0] == digest(0)
print("prepared", cur.rowcount)

with conn.cursor() as cur:
    cur.executemany("INSERT INTO hashes (digest) VALUES (%s)", [(digest(i),) for i in range(1, 101)])
    print("batch", cur.rowcount)
conn.commit()

with conn.cursor() as cur:
    with cur.copy("COPY hashes (digest) FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["bytea"])
        for i in range(101, 1101):
            copy.write_row((digest(i),))
    print("copy", cur.rowcount)
conn.commit()

print("count", conn.execute("SELECT count(*) FROM hashes").fetchone()[0])

with conn.cursor("few") as cur:
    cur.itersize = 100
    cur.execute("SELECT digest FROM hashes")
    print("cursor", sum(1 for _ in cur))
conn.commit()

for binary in (False, True):
    row = conn.execute("""SELECT true, 7::int8, 1.25::numeric, 'é'::text, '2026-01-02 03:04:05.678+00'::timestamptz, ARRAY[1, NULL, 3],
        '{"a": [1]}'::jsonb, NULL::bytea, '\\x00ff'::bytea, 0.5::float8""", binary=binary).fetchone()
    at = datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, datetime.timezone.utc)
    assert row == (True, 7, decimal.Decimal("1.25"), "é", at, [1, None, 3], {"a": [1]}, None, b"\x00\xff", 0.5), row
print("types ok")
conn.commit()

for sql in ["SELECT nosuch FROM hashes", "SELECT 1", "SELECT 1/0"]:
    try:
        conn.execute(sql)
    except psycopg.Error as e:
        print("error", e.sqlstate)
    if sql != "SELECT nosuch FROM hashes":
        conn.rollback()

conn.execute("INSERT INTO hashes (digest) VALUES (%s)", (digest(2000),))
conn.rollback()
print("rollback", conn.execute("SELECT count(*) FROM hashes").fetchone()[0])

threading.Timer(0.3, conn.cancel).start()
try:
    conn.execute("SELECT pg_sleep(30)")
except psycopg.Error as e:
    print("cancel", e.sqlstate)
conn.rollback()

print("proof", conn.execute("SELECT signature FROM proofs WHERE digest = %s", (digest(0),)).fetchone()[0].hex())
conn.close()
