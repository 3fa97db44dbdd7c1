# Ruby's pg.
require 'pg'
require 'digest'

ME = ENV['PGUSER']
def digest(i) = Digest::SHA256.digest("#{ME} #{i}")
def bytea(b) = { value: b, format: 1, type: 17 }

c = PG.connect
r = c.exec_params('INSERT INTO hashes (digest) VALUES ($1) RETURNING receipt', [bytea(digest(0))])
puts "insert #{r.getvalue(0, 0).split('/')[1]}"

c.prepare('find', 'SELECT digest FROM hashes WHERE digest = $1')
3.times do
  r = c.exec_prepared('find', [bytea(digest(0))], 1)
  raise unless r.getvalue(0, 0) == digest(0)
end
puts "prepared #{r.ntuples}"

c.enter_pipeline_mode
(1..100).each { |i| c.send_query_params('INSERT INTO hashes (digest) VALUES ($1)', [bytea(digest(i))]) }
c.pipeline_sync
n = 0
100.times do
  n += c.get_result.cmd_tuples
  raise unless c.get_result.nil?
end
raise unless c.get_result.result_status == PG::PGRES_PIPELINE_SYNC
c.exit_pipeline_mode
puts "batch #{n}"

r = c.copy_data('COPY hashes (digest) FROM STDIN', PG::TextEncoder::CopyRow.new(type_map: PG::TypeMapByColumn.new([PG::TextEncoder::Bytea.new]))) do
  (101..1100).each { |i| c.put_copy_data([digest(i)]) }
end
puts "copy #{r.cmd_tuples}"

puts "count #{c.exec('SELECT count(*) FROM hashes').getvalue(0, 0)}"

n = 0
c.transaction do
  c.exec('DECLARE few CURSOR FOR SELECT digest FROM hashes')
  while (got = c.exec('FETCH 100 FROM few').ntuples) > 0
    n += got
  end
end
puts "cursor #{n}"

c.type_map_for_results = PG::BasicTypeMapForResults.new(c)
row = c.exec(%q{SELECT true, 7::int8, 1.25::numeric, 'é'::text, '2026-01-02 03:04:05.678+00'::timestamptz, ARRAY[1, NULL, 3],
    '{"a": [1]}'::jsonb, NULL::bytea, '\x00ff'::bytea, 0.5::float8}).values[0]
want = [true, 7, BigDecimal('1.25'), 'é', Time.at(1_767_323_045, 678_000), [1, nil, 3], { 'a' => [1] }, nil, "\x00\xFF".b, 0.5]
raise row.inspect unless row == want
puts 'types ok'
c.type_map_for_results = PG::TypeMapAllStrings.new

c.exec('BEGIN')
['SELECT nosuch FROM hashes', 'SELECT 1', 'ROLLBACK', 'SELECT 1/0'].each do |sql|
  c.exec(sql)
rescue PG::Error => e
  puts "error #{e.result.error_field(PG::PG_DIAG_SQLSTATE)}"
end

c.exec('BEGIN')
c.exec_params('INSERT INTO hashes (digest) VALUES ($1)', [bytea(digest(2000))])
c.exec('ROLLBACK')
puts "rollback #{c.exec('SELECT count(*) FROM hashes').getvalue(0, 0)}"

c.send_query('SELECT pg_sleep(30)')
sleep 0.3
c.cancel
begin
  c.get_last_result
rescue PG::Error => e
  puts "cancel #{e.result.error_field(PG::PG_DIAG_SQLSTATE)}"
end

r = c.exec_params('SELECT signature FROM proofs WHERE digest = $1', [bytea(digest(0))], 1)
puts "proof #{r.getvalue(0, 0).unpack1('H*')}"
c.close
