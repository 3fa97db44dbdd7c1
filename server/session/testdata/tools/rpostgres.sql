-- After RPostgres 1.4 with dbplyr 2.4, not recorded: the same relations, functions and forms as it asks, in words of our own.
SELECT oid, typname FROM pg_type
;;
SET datestyle to 'iso, mdy'
;;
-- rows
SELECT table_name FROM INFORMATION_SCHEMA.tables WHERE (table_schema = ANY(current_schemas(true))) AND (table_schema <> 'pg_catalog') AND (table_type <> 'LOCAL TEMPORARY') ORDER BY table_name
;;
-- rows
SELECT column_name FROM INFORMATION_SCHEMA.COLUMNS NATURAL JOIN (SELECT schemas[nr] AS table_schema, nr AS schema_nr FROM (SELECT *, generate_subscripts(schemas, 1) AS nr FROM (SELECT current_schemas(true) AS schemas) AS t) AS tt WHERE schemas[nr] <> 'pg_catalog') AS only_first_schema WHERE table_name = 'hashes' ORDER BY ordinal_position
;;
-- rows
SELECT COUNT(*) FROM (SELECT nr, table_schema FROM unnest(current_schemas(true)) WITH ORDINALITY AS t(table_schema, nr) WHERE table_schema <> 'pg_catalog') s JOIN information_schema.tables USING (table_schema) WHERE table_name = 'hashes'
;;
SELECT nspname AS table_schema, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE relkind IN ('r','v','m','p') AND relnamespace = pg_my_temp_schema()
;;
-- rows
SELECT * FROM "hashes" AS "q02" WHERE (0 = 1)
;;
-- rows
SELECT "lane", COUNT(*) AS "n" FROM "hashes" GROUP BY "lane" ORDER BY "n" DESC, "lane" LIMIT 11
;;
-- rows
SELECT "receipt", "lane", "col01" FROM (SELECT "hashes".*, ROW_NUMBER() OVER (PARTITION BY "lane" ORDER BY "round", "receipt") AS "col01" FROM "hashes") AS "q01" WHERE ("col01" <= 2) ORDER BY "receipt"
;;
-- rows
SELECT "lane", AVG("slot_index") AS "mean", SUM(CASE WHEN ("agency" = 'alpha') THEN 1.0 WHEN NOT ("agency" = 'alpha') THEN 0.0 END) AS "alpha", PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY "slot_index") AS "median" FROM "hashes" GROUP BY "lane" ORDER BY "lane"
;;
-- rows
SELECT "LHS"."receipt", "RHS"."leaves" FROM "hashes" AS "LHS" LEFT JOIN "rounds" AS "RHS" ON ("LHS"."round" = "RHS"."round") WHERE NOT(("LHS"."lane" IS NULL)) ORDER BY "LHS"."receipt" LIMIT 4
;;
-- rows
SELECT EXTRACT(YEAR FROM "round")::integer AS "y", DATE_TRUNC('month', "round") AS "m", EXTRACT(DOW FROM DATE("round") + 0) + 1 AS "wday", COUNT(*) AS "n" FROM "hashes" GROUP BY 1, 2, 3
;;
-- rows
-- params: main
SELECT COUNT(*) FROM "hashes" WHERE lane = $1
