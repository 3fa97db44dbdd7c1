-- After Tableau 2020 to 2024 over psqlODBC and JDBC, not recorded: the same relations, functions and forms as it asks, in words of our own.
SELECT 1
;;
SELECT current_schema()
;;
CREATE LOCAL TEMPORARY TABLE "#Tableau_5_1_Connect" ("COL" INTEGER) ON COMMIT PRESERVE ROWS
;;
SELECT "COL" FROM (SELECT 1 AS "COL") AS "CHECKTEMP" LIMIT 1
;;
select relname, nspname, relkind from pg_catalog.pg_class c, pg_catalog.pg_namespace n where relkind in ('r', 'v', 'm', 'f', 'p') and nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'pg_temp_1') and n.oid = relnamespace order by nspname, relname
;;
select n.nspname, c.relname, a.attname, a.atttypid, t.typname, a.attnum, a.attlen, a.atttypmod, a.attnotnull, c.relhasrules, c.relkind, c.oid, pg_get_expr(d.adbin, d.adrelid), case t.typtype when 'd' then t.typbasetype else 0 end, t.typtypmod, 0, attidentity, c.relhassubclass
from (((pg_catalog.pg_class c inner join pg_catalog.pg_namespace n on n.oid = c.relnamespace and c.relname = E'hashes' and n.nspname = E'public') inner join pg_catalog.pg_attribute a on (not a.attisdropped) and a.attnum > 0 and a.attrelid = c.oid) inner join pg_catalog.pg_type t on t.oid = a.atttypid) left outer join pg_attrdef d on a.atthasdef and d.adrelid = a.attrelid and d.adnum = a.attnum order by n.nspname, c.relname, attnum
;;
select ta.attname, ia.attnum, ic.relname, n.nspname, tc.relname from pg_catalog.pg_attribute ta, pg_catalog.pg_attribute ia, pg_catalog.pg_class tc, pg_catalog.pg_index i, pg_catalog.pg_namespace n, pg_catalog.pg_class ic where tc.relname = E'hashes' AND n.nspname = E'public' AND tc.oid = i.indrelid AND n.oid = tc.relnamespace AND i.indisprimary = 't' AND ia.attrelid = i.indexrelid AND ta.attrelid = i.indrelid AND ta.attnum = i.indkey[ia.attnum-1] AND (NOT ta.attisdropped) AND (NOT ia.attisdropped) AND ic.oid = i.indexrelid order by ia.attnum
;;
-- rows
SELECT * FROM "public"."hashes" "hashes" LIMIT 0
;;
-- rows
SELECT "hashes"."lane" AS "lane", COUNT(1) AS "cnt:hashes:ok", SUM(CAST("hashes"."slot_index" AS BIGINT)) AS "sum:slot_index:ok" FROM "public"."hashes" "hashes" GROUP BY 1 HAVING (COUNT(1) > 0) ORDER BY 1
;;
-- rows
SELECT CAST(DATE_TRUNC('DAY', CAST("rounds"."round" AS TIMESTAMP)) AS TIMESTAMP) AS "tdy:round:ok", SUM("rounds"."leaves") AS "sum:leaves:ok", AVG(CAST("rounds"."leaves" AS DOUBLE PRECISION)) AS "avg" FROM "public"."rounds" "rounds" GROUP BY 1
;;
-- rows
SELECT CAST(EXTRACT(YEAR FROM "rounds"."round") AS INTEGER) AS "yr:round:ok", CAST(TRUNC(EXTRACT(QUARTER FROM "rounds"."round")) AS INTEGER) AS "qr", (CASE WHEN ("rounds"."leaves" > 3) THEN 'big' ELSE 'small' END) AS "size", MIN("rounds"."round") AS "min", COUNT(DISTINCT "rounds"."slots") AS "ctd" FROM "public"."rounds" "rounds" GROUP BY 1, 2, 3 ORDER BY 3
;;
-- rows
SELECT "t0"."lane" AS "lane", "t0"."x" AS "x" FROM (SELECT "hashes"."lane" AS "lane", COUNT(1) AS "x", RANK() OVER (ORDER BY COUNT(1) DESC) AS "r" FROM "public"."hashes" "hashes" WHERE (("hashes"."agency" IN ('alpha', 'beta')) AND ("hashes"."round" >= (TIMESTAMP '2026-11-22 01:15:30.000')) AND ("hashes"."round" <= (TIMESTAMP '2026-11-22 01:16:00.000'))) GROUP BY 1) "t0" WHERE ("t0"."r" <= 2) ORDER BY 1
;;
-- rows
SELECT (CASE WHEN (STRPOS(LOWER("hashes"."lane"), 'a') > 0) THEN TRUE ELSE FALSE END) AS "has", LEFT("hashes"."receipt", 10) AS "day", (DATE '1970-01-01' + CAST(FLOOR(EXTRACT(EPOCH FROM "hashes"."round") / 86400) AS INTEGER)) AS "d", COUNT(1) AS "n" FROM "public"."hashes" "hashes" GROUP BY 1, 2, 3 ORDER BY 1
;;
-- rows
SELECT "hashes"."lane" AS "lane", "rounds"."leaves" AS "leaves" FROM "public"."hashes" "hashes" INNER JOIN "public"."rounds" "rounds" ON ("hashes"."round" = "rounds"."round") INNER JOIN (SELECT "hashes"."lane" AS "lane", SUM(1) AS "s" FROM "public"."hashes" "hashes" GROUP BY 1 ORDER BY 2 DESC NULLS LAST, 1 LIMIT 1) "t0" ON (NOT ("hashes"."lane" IS DISTINCT FROM "t0"."lane")) GROUP BY 1, 2 ORDER BY 2
;;
BEGIN
;;
declare "SQL_CUR0x7f9a4c" cursor with hold for SELECT "hashes"."lane" FROM "public"."hashes" "hashes" ORDER BY receipt
;;
-- rows
fetch 2 in "SQL_CUR0x7f9a4c"
;;
close "SQL_CUR0x7f9a4c"
;;
COMMIT
;;
DROP TABLE IF EXISTS "#Tableau_5_1_Connect"
