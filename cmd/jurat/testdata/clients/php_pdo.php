<?php
// PHP's PDO: prepared statements of the server, large objects as streams.
$me = getenv('PGUSER');
function digest($i) { global $me; return hash('sha256', "$me $i", true); }
function check($ok) { if (!$ok) { debug_print_backtrace(); exit(1); } }

$c = new PDO('pgsql:host=' . getenv('PGHOST') . ';port=' . getenv('PGPORT') . ';dbname=' . getenv('PGDATABASE'), $me);
$s = $c->prepare('INSERT INTO hashes (digest) VALUES (?) RETURNING receipt');
$s->bindValue(1, digest(0), PDO::PARAM_LOB);
$s->execute();
echo 'insert ', explode('/', $s->fetchColumn())[1], "\n";

$s = $c->prepare('SELECT digest FROM hashes WHERE digest = :d');
for ($i = 0; $i < 3; $i++) {
    $s->bindValue(':d', digest(0), PDO::PARAM_LOB);
    $s->execute();
    check(stream_get_contents($s->fetchColumn()) === digest(0));
}
echo 'prepared ', $s->rowCount(), "\n";

$n = 0;
$c->beginTransaction();
$s = $c->prepare('INSERT INTO hashes (digest) VALUES (?)');
foreach (range(1, 100) as $i) {
    $s->bindValue(1, digest($i), PDO::PARAM_LOB);
    $s->execute();
    $n += $s->rowCount();
}
$c->commit();
echo "batch $n\n";

check($c->pgsqlCopyFromArray('hashes', array_map(fn($i) => '\\\\x' . bin2hex(digest($i)), range(101, 1100)), "\t", '\\\\N', 'digest'));
echo "copy 1000\n";

echo 'count ', $c->query('SELECT count(*) FROM hashes')->fetchColumn(), "\n";

$c->beginTransaction();
$s = $c->prepare('SELECT digest FROM hashes', [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL]);
$s->execute();
for ($n = 0; $s->fetch(); $n++);
$c->commit();
echo "cursor $n\n";

$row = $c->query("SELECT true, 7::int8, 1.25::numeric, 'é'::text, '2026-01-02 03:04:05.678+00'::timestamptz, ARRAY[1, NULL, 3],
    '{\"a\": [1]}'::jsonb, NULL::bytea, '\\x00ff'::bytea, 0.5::float8")->fetch(PDO::FETCH_NUM);
$row[8] = stream_get_contents($row[8]);
check($row === [true, 7, '1.25', 'é', '2026-01-02 03:04:05.678+00', '{1,NULL,3}', '{"a": [1]}', null, "\x00\xff", '0.5']);
echo "types ok\n";

function code($c, $sql) { try { $c->query($sql); } catch (PDOException $e) { return $e->getCode(); } }
$c->beginTransaction();
echo 'error ', code($c, 'SELECT nosuch FROM hashes'), "\n";
echo 'error ', code($c, 'SELECT 1'), "\n";
$c->rollBack();
echo 'error ', code($c, 'SELECT 1/0'), "\n";

$c->beginTransaction();
$s = $c->prepare('INSERT INTO hashes (digest) VALUES (?)');
$s->bindValue(1, digest(2000), PDO::PARAM_LOB);
$s->execute();
$c->rollBack();
echo 'rollback ', $c->query('SELECT count(*) FROM hashes')->fetchColumn(), "\n";

$c->exec("SET statement_timeout = '300ms'"); // PDO cannot cancel
echo 'cancel ', code($c, 'SELECT pg_sleep(30)'), "\n";
$c->exec('RESET statement_timeout');

$s = $c->prepare('SELECT signature FROM proofs WHERE digest = ?');
$s->bindValue(1, digest(0), PDO::PARAM_LOB);
$s->execute();
echo 'proof ', bin2hex(stream_get_contents($s->fetchColumn())), "\n";
