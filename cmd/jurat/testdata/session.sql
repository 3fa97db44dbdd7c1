-- The session of an agency's first day.
INSERT INTO hashes (digest) VALUES (sha256('hello')) RETURNING receipt, round, slot_index;
SELECT length(signature) > 500 AS has_proof, receipt FROM proofs WHERE digest = sha256('hello');
SELECT digest, algorithm, agency, lane, round, slot_index, receipt, filed_at FROM hashes WHERE digest = sha256('hello');
SELECT jsonb_typeof(proof) FROM proofs WHERE digest = sha256('hello');
\copy hashes (digest) FROM 'hashes.csv' CSV
SELECT count(*) FROM hashes;
SELECT leaves > 0 AS leaves, slots FROM rounds ORDER BY round DESC LIMIT 1;
SELECT count(*) > 0 AS seconds, bool_or(NOT idle) AS busy FROM calendar WHERE round >= now() - interval '1 minute';
\copy (SELECT encode(digest, 'hex') FROM hashes ORDER BY round, slot_index) TO STDOUT CSV
\x on
SELECT * FROM agencies;
\x off
-- Several at once, and again only what is new.
INSERT INTO hashes (digest, algorithm) VALUES (sha256('a'), 'sha256'), (sha512('a'), 'sha512'), (sha384('a'), 'sha384');
INSERT INTO hashes (digest) VALUES (sha256('hello')), (sha256('new')) ON CONFLICT DO NOTHING RETURNING digest;
INSERT INTO hashes (digest) SELECT unnest(ARRAY[sha256('u1'), sha256('u2')]);
-- A transaction files at COMMIT.
BEGIN;
INSERT INTO hashes (digest) VALUES (sha256('t1'));
SAVEPOINT s;
INSERT INTO hashes (digest) VALUES (sha256('t2'));
ROLLBACK TO s;
INSERT INTO hashes (digest) VALUES (sha256('t3'));
COMMIT;
BEGIN;
INSERT INTO hashes (digest) VALUES (sha256('t4'));
ROLLBACK;
SELECT count(*) FROM hashes WHERE digest IN (sha256('t1'), sha256('t2'), sha256('t3'), sha256('t4'));
-- What is refused, and why.
\set VERBOSITY verbose
INSERT INTO hashes (digest) VALUES (NULL);
INSERT INTO hashes (digest) VALUES ('\x00');
INSERT INTO hashes (digest) VALUES (sha512('x'));
INSERT INTO hashes (digest) VALUES ('LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=');
SELECT count(*) FROM hashes WHERE digest = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
INSERT INTO hashes (digest, algorithm) VALUES (sha256('x'), 'md5');
INSERT INTO hashes (digest, algorithm) VALUES ('\x0000000000000000000000000000000000000000', 'sha1');
INSERT INTO hashes (digest, lane) VALUES (sha256('x'), 'fast');
INSERT INTO hashes (digest, agency) VALUES (sha256('x'), 'other');
INSERT INTO rounds (round) VALUES (now());
UPDATE hashes SET lane = 'seal';
DELETE FROM hashes;
TRUNCATE hashes;
DROP TABLE hashes;
INSERT INTO hashes (digest) VALUES (sha256('x')) ON CONFLICT (digest) DO UPDATE SET lane = 'seal';
BEGIN;
INSERT INTO hashes (digest) VALUES (sha256('x')) RETURNING receipt;
COMMIT;
SELEC 1;
SELECT nothing FROM hashes;
SELECT * FROM nowhere;
\dt
\copy hashes (digest) FROM 'bad.csv' CSV
SELECT count(*) FROM hashes;
\set VERBOSITY default
-- Plans.
EXPLAIN SELECT signature FROM proofs WHERE digest = sha256('hello');
EXPLAIN (COSTS OFF) SELECT * FROM rounds ORDER BY round DESC LIMIT 5;
-- Settings.
SET TIME ZONE 'Europe/Zurich';
SHOW TimeZone;
RESET TIME ZONE;
SHOW server_version_num;
