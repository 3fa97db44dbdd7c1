-- Twelve questions that an auditor asks a Jurat server, and how to ask them in SQL.
--
-- Run it as it is with psql:
--
--     psql -h 127.0.0.1 -p 5433 -U jurat jurat -f examples/audit.sql
--
-- or take from it what you need. Every query reads and changes nothing. Run by an agency's role, it speaks of that agency's
-- own filings, and of the rounds and the calendar, which are everybody's. Narrow the spans of time where a ledger is large:
-- the functions stream, can be cancelled, and read the leaves of the span they are asked for.

\echo '1. Does the calendar rest on the filed hashes?'
-- Derives the root of every round from its stored leaves again, the calendar from the rounds, compares what is published and
-- verifies the signatures. One row for each fault; none if all is well.
SELECT * FROM audit_calendar('-infinity', 'infinity');

\echo '2. When was nothing filed?'
-- Runs of seconds in which no round closed. Whether the server was down or nobody had anything to file is not stored.
SELECT reason, count(*) AS gaps, sum(seconds) AS seconds, max(seconds) AS longest
FROM calendar_gaps('-infinity', 'infinity')
GROUP BY reason ORDER BY reason;

\echo '3. Are my filings complete?'
-- The sequence number in every proof counts the rounds in which a lane filed, without gaps: nothing can have been taken out
-- between two of them. One row for each round and lane that is not whole; none if all is well.
SELECT * FROM completeness(current_user, '-infinity', 'infinity') WHERE NOT complete;

\echo '4. How much was filed in each lane, and under which sequence numbers?'
SELECT lane, min(sequence) AS first, max(sequence) AS last, sum(leaves) AS leaves, bool_and(complete) AS complete
FROM completeness(current_user, '-infinity', 'infinity')
GROUP BY lane ORDER BY lane;

\echo '5. Does each publication extend the one before?'
-- The proof takes some dozens of hashes, whatever lies between. verify_consistency checks it against the two strings as they
-- were printed; its bytes can be given to anybody, and package merkle/calendar says how to check them by hand.
WITH pairs AS (
    SELECT p.publication_time AS later, max(q.publication_time) AS earlier
    FROM publications p JOIN publications q ON q.publication_time < p.publication_time
    GROUP BY p.publication_time
)
SELECT earlier, later, verify_consistency(q.publication_string, p.publication_string, consistency_proof(earlier, later)) AS extends
FROM pairs JOIN publications p ON p.publication_time = later JOIN publications q ON q.publication_time = earlier
ORDER BY later;

\echo '6. What does such a proof consist of?'
-- Step by step, from the last two publications: both hashes begin alike; a node on the left goes into both, one on the right
-- into the newer alone. The last row holds the two published roots.
SELECT s.step, s.side, s.old_hash = q.root AS old_root, s.new_hash = p.root AS new_root
FROM (SELECT * FROM publications ORDER BY publication_time DESC LIMIT 1) p,
     (SELECT * FROM publications ORDER BY publication_time DESC LIMIT 1 OFFSET 1) q,
     consistency(q.publication_time, p.publication_time) s
ORDER BY s.step;

\echo '7. Which hashes were filed more than once?'
-- That is allowed: each filing has its own time. In one's own lanes it may still be a mistake of the program that files. A
-- large ledger is read several times over (ten million filings take about half a minute): ask for one digest or agency, or group
-- a range of rounds of hashes as the view does (\d+ duplicates).
SELECT encode(digest, 'hex') AS digest, filings, lanes, first_round, last_round
FROM duplicates
ORDER BY filings DESC, 1 LIMIT 20;

\echo '8. Was anything filed later than its round says, or long before?'
-- The round of second T takes what is accepted in (T-1, T]. Rows here mean that the clock was stepped, or that a lane was new.
SELECT receipt, filed_at, late
FROM late_filings
ORDER BY round, slot_index LIMIT 20;

\echo '9. Do my proofs verify?'
-- A sample of the newest; proofs are computed as they are selected, so mind the LIMIT.
SELECT v.verdict, v.code, count(*) AS proofs
FROM (SELECT digest, signature FROM proofs ORDER BY round DESC LIMIT 100) p, verify(p.digest, p.signature) v
GROUP BY v.verdict, v.code ORDER BY 1, 2;

\echo '10. Is every root that I printed the one that the calendar has now?'
SELECT p.publication_time, c.root = p.root AS unchanged, publication_string(c.round, c.root) = p.publication_string AS same_string
FROM publications p JOIN calendar c ON c.round = p.publication_time
ORDER BY p.publication_time;

\echo '11. When are the busy hours?'
SELECT extract(hour FROM round) AS hour, count(*) AS rounds, sum(leaves) AS leaves, max(leaves) AS most_in_a_second
FROM rounds
GROUP BY 1 ORDER BY 1;

\echo '12. How much of the ledger rests on a publication, and how much on a key alone?'
-- What was filed after the last publication is vouched for by the calendar key until the next one.
SELECT count(*) FILTER (WHERE round < p.last) AS published, count(*) FILTER (WHERE round < p.last IS NOT TRUE) AS on_the_key_alone
FROM rounds, (SELECT max(publication_time) AS last FROM publications) p;
