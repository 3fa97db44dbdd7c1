# SQLAlchemy on psycopg 2: tables by reflection, executemany, COPY by the driver's own cursor.
import datetime, decimal, hashlib, io, os, threading
import sqlalchemy as sa

me = os.environ["PGUSER"]


def digest(i):
    return hashlib.sha256(f"{me} {i}".encode()).digest()


engine = sa.create_engine("postgresql+psycopg2://", future=True)
look = sa.inspect(engine)
assert {"public", "information_schema"} <= set(look.get_schema_names()), look.get_schema_names()
assert {"hashes", "proofs", "rounds", "calendar"} <= set(look.get_table_names()), look.get_table_names()
assert look.get_pk_constraint("hashes")["constrained_columns"] == ["receipt"], look.get_pk_constraint("hashes")
assert {i["name"]: i["column_names"] for i in look.get_indexes("hashes")} == {"hashes_digest": ["digest"], "hashes_round": ["round"]}
assert [c["nullable"] for c in look.get_columns("hashes")] == [False] * 8, look.get_columns("hashes")
assert look.get_foreign_keys("hashes") == look.get_check_constraints("hashes") == []
assert sorted(look.get_view_names()) == ["duplicates", "late_filings"]
assert look.get_table_comment("rounds")["text"] == "Closed seconds in which something was filed."

everything = sa.MetaData()
everything.reflect(engine)
hashes, proofs = everything.tables["hashes"], everything.tables["proofs"]
assert isinstance(hashes.c.digest.type, sa.LargeBinary) and hashes.c.filed_at.type.timezone, hashes.c
hashes.c.receipt.server_default = sa.FetchedValue()  # the server fills the key

with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
    receipt = conn.execute(hashes.insert().returning(hashes.c.receipt), {"digest": digest(0)}).scalar_one()
    print("insert", receipt.split("/")[1])

with engine.begin() as conn:
    find = sa.select(hashes.c.digest).where(hashes.c.digest == sa.bindparam("d"))
    for _ in range(3):
        assert bytes(conn.execute(find, {"d": digest(0)}).scalar_one()) == digest(0)
    print("prepared 1")
    # In a transaction there is no receipt yet that RETURNING could give: inline() does not ask for the key.
    conn.execute(hashes.insert().inline(), [{"digest": digest(i)} for i in range(1, 101)])
    print("batch 100")

raw = engine.raw_connection()
cur = raw.cursor()
cur.copy_expert("COPY hashes (digest) FROM STDIN", io.StringIO("".join("\\\\x" + digest(i).hex() + "\n" for i in range(101, 1101))))
print("copy", cur.rowcount)
raw.commit()
raw.close()

with engine.connect() as conn:
    print("count", conn.execute(sa.select(sa.func.count()).select_from(hashes)).scalar_one())
    few = conn.execution_options(stream_results=True, max_row_buffer=100)
    print("cursor", sum(1 for _ in few.execute(sa.select(hashes.c.digest))))

with engine.connect() as conn:
    row = conn.exec_driver_sql(r"""SELECT true, 7::int8, 1.25::numeric, 'é'::text, '2026-01-02 03:04:05.678+00'::timestamptz, ARRAY[1, NULL, 3],
        '{"a": [1]}'::jsonb, NULL::bytea, '\x00ff'::bytea, 0.5::float8""").one()
    assert row[:4] == (True, 7, decimal.Decimal("1.25"), "é"), row
    assert row[4].timestamp() == 1767323045.678 and row[5] == [1, None, 3] and row[6] == {"a": [1]}, row
    assert row[7] is None and bytes(row[8]) == b"\x00\xff" and row[9] == 0.5, row
print("types ok")

with engine.connect() as conn:
    for sql in ["SELECT nosuch FROM hashes", "SELECT 1", "SELECT 1/0"]:
        try:
            conn.exec_driver_sql(sql)
        except sa.exc.DBAPIError as e:
            print("error", e.orig.pgcode)
        if sql != "SELECT nosuch FROM hashes":
            conn.rollback()

with engine.connect() as conn:
    with conn.begin() as tx:
        conn.execute(hashes.insert().inline(), {"digest": digest(2000)})
        with conn.begin_nested() as inner:
            conn.execute(hashes.insert().inline(), {"digest": digest(2001)})
            inner.rollback()
        tx.rollback()
    print("rollback", conn.execute(sa.select(sa.func.count()).select_from(hashes)).scalar_one())
    conn.rollback()

    threading.Timer(0.3, conn.connection.dbapi_connection.cancel).start()
    try:
        conn.execute(sa.select(sa.func.pg_sleep(30)))
    except sa.exc.DBAPIError as e:
        print("cancel", e.orig.pgcode)
    conn.rollback()
    print("proof", bytes(conn.execute(sa.select(proofs.c.signature).where(proofs.c.digest == digest(0))).scalar_one()).hex())
