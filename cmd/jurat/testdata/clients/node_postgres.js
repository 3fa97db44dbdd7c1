// node-postgres.
const crypto = require('crypto')
const { Client } = require('pg')
const Cursor = require('pg-cursor')
const { from } = require('pg-copy-streams')
const { pipeline } = require('stream/promises')
const { Readable } = require('stream')
const assert = require('assert')

const me = process.env.PGUSER
const digest = i => crypto.createHash('sha256').update(`${me} ${i}`).digest()
const range = (a, b) => Array.from({ length: b - a }, (_, i) => a + i)

async function main() {
  const c = new Client()
  await c.connect()
  let r = await c.query('INSERT INTO hashes (digest) VALUES ($1) RETURNING receipt', [digest(0)])
  console.log('insert', r.rows[0].receipt.split('/')[1])

  for (let i = 0; i < 3; i++) {
    r = await c.query({ name: 'find', text: 'SELECT digest FROM hashes WHERE digest = $1', values: [digest(0)] })
    assert(r.rows[0].digest.equals(digest(0)))
  }
  console.log('prepared', r.rowCount)

  r = await c.query('INSERT INTO hashes (digest) SELECT unnest($1::bytea[])', [range(1, 101).map(digest)])
  console.log('batch', r.rowCount)

  const stream = c.query(from('COPY hashes (digest) FROM STDIN (FORMAT csv)'))
  await pipeline(Readable.from(range(101, 1101).map(i => '\\x' + digest(i).toString('hex') + '\n')), stream)
  console.log('copy', stream.rowCount)

  r = await c.query('SELECT count(*) FROM hashes')
  console.log('count', r.rows[0].count)

  await c.query('BEGIN')
  const cursor = c.query(new Cursor('SELECT digest FROM hashes'))
  let n = 0
  for (let rows; (rows = await cursor.read(100)).length > 0;) n += rows.length
  await cursor.close()
  await c.query('COMMIT')
  console.log('cursor', n)

  r = await c.query({ rowMode: 'array', text: `SELECT true, 7::int8, 1.25::numeric, 'é'::text, '2026-01-02 03:04:05.678+00'::timestamptz,
    ARRAY[1, NULL, 3], '{"a": [1]}'::jsonb, NULL::bytea, '\\x00ff'::bytea, 0.5::float8` })
  assert.deepStrictEqual(r.rows[0], [true, '7', '1.25', 'é', new Date(1767323045678), [1, null, 3], { a: [1] }, null, Buffer.from([0, 255]), 0.5])
  console.log('types ok')

  await c.query('BEGIN')
  for (const sql of ['SELECT nosuch FROM hashes', 'SELECT 1']) await c.query(sql).catch(e => console.log('error', e.code))
  await c.query('ROLLBACK')
  await c.query('SELECT 1/0').catch(e => console.log('error', e.code))

  await c.query('BEGIN')
  await c.query('INSERT INTO hashes (digest) VALUES ($1)', [digest(2000)])
  await c.query('ROLLBACK')
  r = await c.query('SELECT count(*) FROM hashes')
  console.log('rollback', r.rows[0].count)

  const pid = c.processID, key = c.secretKey
  setTimeout(() => {
    const other = new Client()
    other.connection.on('connect', () => other.connection.cancel(pid, key))
    other.connection.on('error', () => {})
    other.connection.connect(other.port, other.host)
  }, 300)
  await c.query('SELECT pg_sleep(30)').catch(e => console.log('cancel', e.code))

  r = await c.query('SELECT signature FROM proofs WHERE digest = $1', [digest(0)])
  console.log('proof', r.rows[0].signature.toString('hex'))
  await c.end()
}

main().catch(e => { console.error(e); process.exit(1) })
