<?php
// PHP's pgsql extension.
$me = getenv('PGUSER');
function digest($i) { global $me; return hash('sha256', "$me $i", true); }
function check($ok) { if (!$ok) { debug_print_backtrace(); exit(1); } }

$c = pg_connect('');
$r = pg_query_params($c, 'INSERT INTO hashes (digest) VALUES ($1) RETURNING receipt', [pg_escape_bytea($c, digest(0))]);
echo 'insert ', explode('/', pg_fetch_result($r, 0))[1], "\n";

pg_prepare($c, 'find', 'SELECT digest FROM hashes WHERE digest = $1');
for ($i = 0; $i < 3; $i++) {
    $r = pg_execute($c, 'find', ['\x' . bin2hex(digest(0))]);
    check(pg_unescape_bytea(pg_fetch_result($r, 0)) === digest(0));
}
echo 'prepared ', pg_num_rows($r), "\n";

$values = implode(', ', array_map(fn($i) => "('\\x" . bin2hex(digest($i)) . "')", range(1, 100)));
$r = pg_query($c, "INSERT INTO hashes (digest) VALUES $values");
echo 'batch ', pg_affected_rows($r), "\n";

pg_query($c, 'COPY hashes (digest) FROM STDIN');
foreach (range(101, 1100) as $i) pg_put_line($c, '\\\\x' . bin2hex(digest($i)) . "\n");
pg_put_line($c, "\\.\n");
check(pg_end_copy($c));
echo "copy 1000\n";

echo 'count ', pg_fetch_result(pg_query($c, 'SELECT count(*) FROM hashes'), 0), "\n";

pg_query($c, 'BEGIN');
pg_query($c, 'DECLARE few CURSOR FOR SELECT digest FROM hashes');
for ($n = 0; ($got = pg_num_rows(pg_query($c, 'FETCH 100 FROM few'))) > 0; $n += $got);
pg_query($c, 'COMMIT');
echo "cursor $n\n";

$row = pg_fetch_row(pg_query($c, "SELECT true, 7::int8, 1.25::numeric, 'é'::text, '2026-01-02 03:04:05.678+00'::timestamptz, ARRAY[1, NULL, 3],
    '{\"a\": [1]}'::jsonb, NULL::bytea, '\\x00ff'::bytea, 0.5::float8"));
check($row === ['t', '7', '1.25', 'é', '2026-01-02 03:04:05.678+00', '{1,NULL,3}', '{"a": [1]}', null, '\x00ff', '0.5']);
echo "types ok\n";

function code($c, $sql) { pg_send_query($c, $sql); return pg_result_error_field(pg_get_result($c), PGSQL_DIAG_SQLSTATE); }
pg_query($c, 'BEGIN');
echo 'error ', code($c, 'SELECT nosuch FROM hashes'), "\n";
pg_get_result($c);
echo 'error ', code($c, 'SELECT 1'), "\n";
pg_get_result($c);
pg_query($c, 'ROLLBACK');
echo 'error ', code($c, 'SELECT 1/0'), "\n";
pg_get_result($c);

pg_query($c, 'BEGIN');
pg_query_params($c, 'INSERT INTO hashes (digest) VALUES ($1)', ['\x' . bin2hex(digest(2000))]);
pg_query($c, 'ROLLBACK');
echo 'rollback ', pg_fetch_result(pg_query($c, 'SELECT count(*) FROM hashes'), 0), "\n";

pg_send_query($c, 'SELECT pg_sleep(30)');
usleep(300000);
check(pg_cancel_query($c));
echo "cancel 57014\n";

$r = pg_query_params($c, 'SELECT signature FROM proofs WHERE digest = $1', ['\x' . bin2hex(digest(0))]);
echo 'proof ', bin2hex(pg_unescape_bytea(pg_fetch_result($r, 0))), "\n";
