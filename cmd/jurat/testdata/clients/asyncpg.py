# asyncpg: everything prepared, everything binary.
import asyncio, datetime, decimal, hashlib, os
import asyncpg

me = os.environ["PGUSER"]


def digest(i):
    return hashlib.sha256(f"{me} {i}".encode()).digest()


async def main():
    conn = await asyncpg.connect()
    print("insert", (await conn.fetchval("INSERT INTO hashes (digest) VALUES ($1) RETURNING receipt", digest(0))).split("/")[1])

    find = await conn.prepare("SELECT digest FROM hashes WHERE digest = $1")
    for _ in range(3):
        rows = await find.fetch(digest(0))
        assert rows[0][0] == digest(0)
    print("prepared", len(rows))

    await conn.executemany("INSERT INTO hashes (digest) VALUES ($1)", [(digest(i),) for i in range(1, 101)])
    print("batch", 100)

    tag = await conn.copy_records_to_table("hashes", columns=["digest"], records=[(digest(i),) for i in range(101, 1101)])
    print("copy", tag.split()[1])

    print("count", await conn.fetchval("SELECT count(*) FROM hashes"))

    n = 0
    async with conn.transaction():
        async for _ in conn.cursor("SELECT digest FROM hashes", prefetch=100):
            n += 1
    print("cursor", n)

    row = await conn.fetchrow("""SELECT true, 7::int8, 1.25::numeric, 'é'::text, '2026-01-02 03:04:05.678+00'::timestamptz, ARRAY[1, NULL, 3],
        '{"a": [1]}'::jsonb, NULL::bytea, '\\x00ff'::bytea, 0.5::float8""")
    at = datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, datetime.timezone.utc)
    assert tuple(row) == (True, 7, decimal.Decimal("1.25"), "é", at, [1, None, 3], '{"a": [1]}', None, b"\x00\xff", 0.5), row
    print("types ok")

    block = conn.transaction()
    await block.start()
    for sql in ["SELECT nosuch FROM hashes", "SELECT 1"]:
        try:
            await conn.fetch(sql)
        except asyncpg.PostgresError as e:
            print("error", e.sqlstate)
    await block.rollback()
    try:
        await conn.fetch("SELECT 1/0")
    except asyncpg.PostgresError as e:
        print("error", e.sqlstate)

    block = conn.transaction()
    await block.start()
    await conn.execute("INSERT INTO hashes (digest) VALUES ($1)", digest(2000))
    await block.rollback()
    print("rollback", await conn.fetchval("SELECT count(*) FROM hashes"))

    # A time limit makes asyncpg send a request to cancel.
    try:
        await conn.fetch("SELECT pg_sleep(30)", timeout=0.3)
    except asyncio.TimeoutError:
        assert await conn.fetchval("SELECT 1") == 1
        print("cancel 57014")

    print("proof", (await conn.fetchval("SELECT signature FROM proofs WHERE digest = $1", digest(0))).hex())
    await conn.close()


asyncio.run(main())
