// postgres.js: pipelines whatever it can.
const crypto = require('crypto')
const assert = require('assert')
const { Readable } = require('stream')
const { pipeline } = require('stream/promises')
const postgres = require('postgres')

const me = process.env.PGUSER
const digest = i => crypto.createHash('sha256').update(`${me} ${i}`).digest()
const range = (a, b) => Array.from({ length: b - a }, (_, i) => a + i)

async function main() {
  const sql = postgres({ max: 1, onnotice: () => {} })
  let r = await sql`INSERT INTO hashes (digest) VALUES (${digest(0)}) RETURNING receipt`
  console.log('insert', r[0].receipt.split('/')[1])

  for (let i = 0; i < 3; i++) {
    r = await sql`SELECT digest FROM hashes WHERE digest = ${digest(0)}`
    assert(r[0].digest.equals(digest(0)))
  }
  console.log('prepared', r.count)

  r = await sql`INSERT INTO hashes ${sql(range(1, 101).map(i => ({ digest: digest(i) })), 'digest')}`
  console.log('batch', r.count)

  const stream = await sql`COPY hashes (digest) FROM STDIN`.writable()
  await pipeline(Readable.from(range(101, 1101).map(i => '\\\\x' + digest(i).toString('hex') + '\n')), stream)
  console.log('copy', 1000)

  r = await sql`SELECT count(*) FROM hashes`
  console.log('count', r[0].count)

  let n = 0
  await sql`SELECT digest FROM hashes`.cursor(100, rows => { n += rows.length })
  console.log('cursor', n)

  r = await sql`SELECT true, 7::int8, 1.25::numeric, 'é'::text, '2026-01-02 03:04:05.678+00'::timestamptz,
    ARRAY[1, 3], '{"a": [1]}'::jsonb, NULL::bytea, '\\x00ff'::bytea, 0.5::float8`.values()
  assert.deepStrictEqual(r[0], [true, '7', '1.25', 'é', new Date(1767323045678), [1, 3], { a: [1] }, null, Buffer.from([0, 255]), 0.5])
  console.log('types ok')

  await sql.begin(async t => {
    await t.savepoint(async s => { await s`SELECT nosuch FROM hashes` }).catch(e => console.log('error', e.code))
    await t`SELECT nosuch FROM hashes`.catch(() => {})
    await t`SELECT 1`.catch(e => console.log('error', e.code))
  }).catch(() => {})
  await sql`SELECT 1/0`.catch(e => console.log('error', e.code))

  await sql.begin(async t => {
    await t`INSERT INTO hashes (digest) VALUES (${digest(2000)})`
    throw new Error('no')
  }).catch(() => {})
  r = await sql`SELECT count(*) FROM hashes`
  console.log('rollback', r[0].count)

  const query = sql`SELECT pg_sleep(30)`.execute()
  setTimeout(() => query.cancel(), 300)
  await query.catch(e => console.log('cancel', e.code))

  r = await sql`SELECT signature FROM proofs WHERE digest = ${digest(0)}`
  console.log('proof', r[0].signature.toString('hex'))
  await sql.end()
}

main().catch(e => { console.error(e); process.exit(1) })
