# Perl's DBD::Pg.
use strict; use warnings; use utf8;
use DBI; use DBD::Pg qw(:pg_types); use Digest::SHA qw(sha256);

my $me = $ENV{PGUSER};
sub digest { return sha256("$me $_[0]") }
binmode STDOUT, ':utf8';

my $db = DBI->connect("dbi:Pg:dbname=$ENV{PGDATABASE}", $me, '', {RaiseError => 1, PrintError => 0, AutoCommit => 1});
my $in = $db->prepare('INSERT INTO hashes (digest) VALUES (?) RETURNING receipt');
$in->bind_param(1, digest(0), {pg_type => PG_BYTEA});
$in->execute;
print 'insert ', (split m{/}, ($in->fetchrow_array)[0])[1], "\n";
$in->finish;

my $find = $db->prepare('SELECT digest FROM hashes WHERE digest = ?');
my $rows;
for (1 .. 3) {
	$find->bind_param(1, digest(0), {pg_type => PG_BYTEA});
	$find->execute;
	$rows = $find->rows;
	die unless ($find->fetchrow_array)[0] eq digest(0);
	$find->finish;
}
print "prepared $rows\n";

my $many = $db->prepare('INSERT INTO hashes (digest) VALUES (?)');
$many->bind_param(1, undef, {pg_type => PG_BYTEA});
$db->begin_work;
$rows = $many->execute_array({}, [map { digest($_) } 1 .. 100]);
$db->commit;
print "batch $rows\n";

$db->do('COPY hashes (digest) FROM STDIN');
$db->pg_putcopydata('\\\\x' . unpack('H*', digest($_)) . "\n") for 101 .. 1100;
$db->pg_putcopyend;
print "copy 1000\n";

print 'count ', $db->selectrow_array('SELECT count(*) FROM hashes'), "\n";

$db->begin_work;
$db->do('DECLARE few CURSOR FOR SELECT digest FROM hashes');
my $n = 0;
while ((my $got = scalar @{$db->selectall_arrayref('FETCH 100 FROM few')}) > 0) { $n += $got }
$db->do('CLOSE few');
$db->commit;
print "cursor $n\n";

my @row = $db->selectrow_array(q{SELECT true, 7::int8, 1.25::numeric, 'é'::text, '2026-01-02 03:04:05.678+00'::timestamptz, ARRAY[1, NULL, 3],
    '{"a": [1]}'::jsonb, NULL::bytea, '\x00ff'::bytea, 0.5::float8});
die "@row[0..4]" unless $row[0] && $row[1] == 7 && $row[2] eq '1.25' && $row[3] eq "\x{e9}" && $row[4] eq '2026-01-02 03:04:05.678+00';
die unless $row[5][0] == 1 && !defined $row[5][1] && $row[6] eq '{"a": [1]}' && !defined $row[7] && $row[8] eq "\x00\xff" && $row[9] == 0.5;
print "types ok\n";

$db->begin_work;
for my $sql ('SELECT nosuch FROM hashes', 'SELECT 1') {
	eval { $db->selectall_arrayref($sql) };
	print 'error ', $db->state, "\n" if $@;
}
$db->rollback;
eval { $db->selectall_arrayref('SELECT 1/0') };
print 'error ', $db->state, "\n" if $@;

$db->begin_work;
$many->execute(digest(2000));
$db->rollback;
print 'rollback ', $db->selectrow_array('SELECT count(*) FROM hashes'), "\n";

my $slow = $db->prepare('SELECT pg_sleep(30)', {pg_async => PG_ASYNC});
$slow->execute;
select undef, undef, undef, 0.3;
print "cancel 57014\n" if $db->pg_cancel;

my $proof = $db->selectcol_arrayref('SELECT signature FROM proofs WHERE digest = ' . $db->quote(digest(0), {pg_type => PG_BYTEA}));
print 'proof ', unpack('H*', $proof->[0]), "\n";
$db->disconnect;
