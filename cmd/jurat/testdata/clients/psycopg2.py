# psycopg 2: parameters are put into the text of statements.
import hashlib, io, os, threading
import psycopg2
import psycopg2.extras

me = os.environ["PGUSER"]


def digest(i):
    return hashlib.sha256(f"{me} {i}".encode()).digest()


conn = psycopg2.connect("")
conn.autocommit = True  # a receipt is there when its digest is durable: RETURNING wants no transaction around it
cur = conn.cursor()

cur.execute("INSERT INTO hashes (digest) VALUES (%s) RETURNING receipt", (digest(0),))
print("insert", cur.fetchone()[0].split("/")[1])
conn.autocommit = False

cur.execute("PREPARE find (bytea) AS SELECT digest FROM hashes WHERE digest = $1")
for _ in range(3):
    cur.execute("EXECUTE find (%s)", (digest(0),))
    assert bytes(cur.fetchone()[0]) == digest(0)
print("prepared", cur.rowcount)

psycopg2.extras.execute_values(cur, "INSERT INTO hashes (digest) VALUES %s", [(digest(i),) for i in range(1, 101)], page_size=100)
print("batch", cur.rowcount)
conn.commit()

rows = "".join("\\\\x" + digest(i).hex() + "\n" for i in range(101, 1101))
cur.copy_expert("COPY hashes (digest) FROM STDIN", io.StringIO(rows))
print("copy", cur.rowcount)
conn.commit()

cur.execute("SELECT count(*) FROM hashes")
print("count", cur.fetchone()[0])

named = conn.cursor("few")
named.itersize = 100
named.execute("SELECT digest FROM hashes")
print("cursor", sum(1 for _ in named))
conn.commit()

cur.execute("""SELECT true, 7::int8, 1.25::numeric, 'é'::text, '2026-01-02 03:04:05.678+00'::timestamptz, ARRAY[1, NULL, 3],
    '{"a": [1]}'::jsonb, NULL::bytea, '\\x00ff'::bytea, 0.5::float8""")
row = list(cur.fetchone())
assert row[:4] == [True, 7, __import__("decimal").Decimal("1.25"), "é"], row
assert row[4].timestamp() == 1767323045.678 and row[5] == [1, None, 3] and row[6] == {"a": [1]}, row
assert row[7] is None and bytes(row[8]) == b"\x00\xff" and row[9] == 0.5, row
print("types ok")

for sql in ["SELECT nosuch FROM hashes", "SELECT 1", "SELECT 1/0"]:
    try:
        cur.execute(sql)
    except psycopg2.Error as e:
        print("error", e.pgcode)
    if sql != "SELECT nosuch FROM hashes":
        conn.rollback()

cur.execute("INSERT INTO hashes (digest) VALUES (%s)", (digest(2000),))
conn.rollback()
cur.execute("SELECT count(*) FROM hashes")
print("rollback", cur.fetchone()[0])

threading.Timer(0.3, conn.cancel).start()
try:
    cur.execute("SELECT pg_sleep(30)")
except psycopg2.Error as e:
    print("cancel", e.pgcode)
conn.rollback()

cur.execute("SELECT signature FROM proofs WHERE digest = %s", (digest(0),))
print("proof", bytes(cur.fetchone()[0]).hex())
conn.close()
