-- After Metabase 0.50 to 0.56, not recorded: the same relations, functions and forms as it asks, in words of our own.
-- rows
show timezone;
;;
SET SESSION TIMEZONE TO 'UTC'
;;
SELECT true AS "_"
;;
-- rows
SELECT "n"."nspname" AS "schema", "c"."relname" AS "name",
       CASE "c"."relkind" WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' WHEN 'v' THEN 'VIEW' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE NULL END AS "type"
  FROM "pg_catalog"."pg_class" AS "c" INNER JOIN "pg_catalog"."pg_namespace" AS "n" ON "c"."relnamespace" = "n"."oid"
 WHERE ("n"."nspname" !~ '^pg_') AND ("n"."nspname" <> 'information_schema') AND c.relkind in ('r', 'p', 'v', 'f', 'm') AND ("n"."nspname" IN ('public'))
 ORDER BY "type" ASC, "schema" ASC, "name" ASC
;;
-- params: public
SELECT "n"."nspname" AS "schema", "c"."relname" AS "name", "d"."description" AS "description", "stat"."n_live_tup" AS "estimated_row_count"
  FROM "pg_catalog"."pg_class" AS "c" INNER JOIN "pg_catalog"."pg_namespace" AS "n" ON "c"."relnamespace" = "n"."oid"
  LEFT JOIN "pg_catalog"."pg_description" AS "d" ON ("c"."oid" = "d"."objoid") AND ("d"."objsubid" = 0) AND ("d"."classoid" = 'pg_class'::regclass)
  LEFT JOIN "pg_stat_user_tables" AS "stat" ON ("n"."nspname" = "stat"."schemaname") AND ("c"."relname" = "stat"."relname")
 WHERE "n"."nspname" IN ($1) ORDER BY "schema" ASC, "name" ASC
;;
with p as (select r.schemaname as schema, r.name as "table", null as role, pg_catalog.has_table_privilege(current_user, quote_ident(r.schemaname) || '.' || quote_ident(r.name), 'delete') as "delete",
    pg_catalog.has_any_column_privilege(current_user, quote_ident(r.schemaname) || '.' || quote_ident(r.name), 'select') as "select", pg_catalog.has_any_column_privilege(current_user, '"' || r.schemaname || '"."' || r.name || '"', 'insert') as "insert"
  from (select schemaname, tablename as name from pg_catalog.pg_tables union select schemaname, viewname from pg_catalog.pg_views union select schemaname, matviewname from pg_catalog.pg_matviews) r
  where r.schemaname !~ '^pg_' and r.schemaname <> 'information_schema' and pg_catalog.has_schema_privilege(current_user, r.schemaname, 'usage'))
select p.* from p where p."select" or p."insert" or p."delete"
;;
SELECT "c"."table_schema" AS "table-schema", "c"."table_name" AS "table-name", "c"."column_name" AS "name", "c"."ordinal_position" - 1 AS "database-position", "k"."column_name" IS NOT NULL AS "pk?",
       CASE WHEN "c"."udt_schema" IN ('public', 'pg_catalog') THEN FORMAT('%s', "c"."udt_name") ELSE FORMAT('"%s"."%s"', "c"."udt_schema", "c"."udt_name") END AS "database-type",
       COL_DESCRIPTION(CAST(CAST(FORMAT('%I.%I', CAST("c"."table_schema" AS TEXT), CAST("c"."table_name" AS TEXT)) AS REGCLASS) AS OID), "c"."ordinal_position") AS "field-comment",
       ("column_default" IS NULL OR LOWER("column_default") = 'null') AND "is_nullable" = 'NO' AND NOT ("column_default" LIKE '%nextval(%' OR "is_identity" <> 'NO') AS "database-required"
  FROM "information_schema"."columns" AS "c"
  LEFT JOIN (SELECT "t"."table_schema", "t"."table_name", "u"."column_name" FROM "information_schema"."table_constraints" AS "t" INNER JOIN "information_schema"."key_column_usage" AS "u"
               ON "t"."constraint_name" = "u"."constraint_name" AND "t"."table_schema" = "u"."table_schema" AND "t"."table_name" = "u"."table_name" WHERE "t"."constraint_type" = 'PRIMARY KEY') AS "k"
    ON ("c"."table_schema" = "k"."table_schema") AND ("c"."table_name" = "k"."table_name") AND ("c"."column_name" = "k"."column_name")
 WHERE c.table_schema !~ '^information_schema|catalog_history|pg_' AND ("c"."table_schema" IN ('public'))
UNION ALL
SELECT "n"."nspname", "r"."relname", "a"."attname", "a"."attnum" - 1, FALSE, FORMAT('%s', "y"."typname"), NULL, FALSE
  FROM "pg_catalog"."pg_class" AS "r" INNER JOIN "pg_catalog"."pg_namespace" AS "n" ON "n"."oid" = "r"."relnamespace" INNER JOIN "pg_catalog"."pg_attribute" AS "a" ON "a"."attrelid" = "r"."oid"
 INNER JOIN "pg_catalog"."pg_type" AS "y" ON "y"."oid" = "a"."atttypid" WHERE ("r"."relkind" = 'm') AND ("a"."attnum" >= 1) ORDER BY "table-schema" ASC, "table-name" ASC, "database-position" ASC
;;
SELECT "n"."nspname" AS "fk-table-schema", "f"."relname" AS "fk-table-name", "fa"."attname" AS "fk-column-name", "p"."relname" AS "pk-table-name", "pa"."attname" AS "pk-column-name"
  FROM "pg_constraint" AS "c" INNER JOIN "pg_class" AS "f" ON "c"."conrelid" = "f"."oid" INNER JOIN "pg_namespace" AS "n" ON "c"."connamespace" = "n"."oid" INNER JOIN "pg_attribute" AS "fa" ON "c"."conrelid" = "fa"."attrelid"
 INNER JOIN "pg_class" AS "p" ON "c"."confrelid" = "p"."oid" INNER JOIN "pg_attribute" AS "pa" ON "c"."confrelid" = "pa"."attrelid"
 WHERE n.nspname !~ '^information_schema|catalog_history|pg_' AND ("c"."contype" = 'f'::char) AND ("fa"."attnum" = ANY(c.conkey)) AND ("pa"."attnum" = ANY(c.confkey)) ORDER BY "fk-table-schema" ASC, "fk-table-name" ASC
;;
SELECT "i"."schema", "i"."name", TRIM(BOTH '"' FROM "pg_catalog".PG_GET_INDEXDEF("i"."oid", "i"."at", FALSE)) AS "field-name"
  FROM (SELECT "n"."nspname" AS "schema", "t"."relname" AS "name", "ix"."oid", ("information_schema"._PG_EXPANDARRAY("x"."indkey"))."n" AS "at" FROM "pg_catalog"."pg_class" AS "t"
         INNER JOIN "pg_catalog"."pg_namespace" AS "n" ON "t"."relnamespace" = "n"."oid" INNER JOIN "pg_catalog"."pg_index" AS "x" ON "t"."oid" = "x"."indrelid" INNER JOIN "pg_catalog"."pg_class" AS "ix" ON "ix"."oid" = "x"."indexrelid"
         WHERE ("pg_catalog".PG_GET_EXPR("x"."indpred", "x"."indrelid") IS NULL) AND n.nspname !~ '^information_schema|catalog_history|pg_') AS "i" WHERE "i"."at" = 1
;;
SELECT nspname, typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.oid IN (SELECT DISTINCT enumtypid FROM pg_enum e)
;;
-- rows
SELECT "source"."substring1" AS "substring1", "source"."substring2" AS "substring2", "source"."round" AS "round"
  FROM (SELECT SUBSTRING("public"."hashes"."receipt", 1, 1234) AS "substring1", SUBSTRING("public"."hashes"."lane", 1, 1234) AS "substring2", "public"."hashes"."round" AS "round"
          FROM "public"."hashes" ORDER BY "public"."hashes"."receipt" ASC) AS "source" LIMIT 10000
;;
-- rows
-- Metabase:: userID: 1 queryType: MBQL queryHash: 5c1f
SELECT COUNT(*) AS "count" FROM "public"."hashes"
;;
-- rows
SELECT DATE_TRUNC('month', "public"."hashes"."round") AS "round", COUNT(*) AS "count" FROM "public"."hashes" GROUP BY DATE_TRUNC('month', "public"."hashes"."round") ORDER BY DATE_TRUNC('month', "public"."hashes"."round") ASC
;;
-- rows
SELECT CAST("public"."hashes"."round" AS date) AS "round", "public"."hashes"."lane" AS "lane", COUNT(*) AS "count" FROM "public"."hashes"
 WHERE ("public"."hashes"."round" >= timestamp with time zone '2026-11-01 00:00:00.000Z') AND ("public"."hashes"."round" < timestamp with time zone '2026-12-01 00:00:00.000Z')
 GROUP BY CAST("public"."hashes"."round" AS date), "public"."hashes"."lane" ORDER BY "round" ASC, "public"."hashes"."lane" ASC
;;
-- rows
SELECT (CAST(DATE_TRUNC('week', CAST(("public"."rounds"."round" + (INTERVAL '1 day')) AS timestamp)) AS timestamp) + (INTERVAL '-1 day')) AS "round", SUM("public"."rounds"."leaves") AS "sum"
  FROM "public"."rounds" GROUP BY (CAST(DATE_TRUNC('week', CAST(("public"."rounds"."round" + (INTERVAL '1 day')) AS timestamp)) AS timestamp) + (INTERVAL '-1 day')) ORDER BY 1 ASC
;;
-- rows
SELECT CAST(extract(hour from "public"."rounds"."round") AS integer) AS "round", AVG("public"."rounds"."leaves") AS "avg", COUNT(DISTINCT "public"."rounds"."slots") AS "count"
  FROM "public"."rounds" GROUP BY CAST(extract(hour from "public"."rounds"."round") AS integer) ORDER BY 1 ASC
;;
-- rows
SELECT CASE WHEN MOD((CAST(extract(dow from "public"."rounds"."round") AS integer) + 1) + 6, 7) = 0 THEN 7 ELSE MOD((CAST(extract(dow from "public"."rounds"."round") AS integer) + 1) + 6, 7) END AS "round", COUNT(*) AS "count"
  FROM "public"."rounds" GROUP BY CASE WHEN MOD((CAST(extract(dow from "public"."rounds"."round") AS integer) + 1) + 6, 7) = 0 THEN 7 ELSE MOD((CAST(extract(dow from "public"."rounds"."round") AS integer) + 1) + 6, 7) END
;;
-- rows
SELECT ((FLOOR((("public"."rounds"."leaves" - 0.0) / 2.5)) * 2.5) + 0.0) AS "leaves", COUNT(*) AS "count" FROM "public"."rounds"
 GROUP BY ((FLOOR((("public"."rounds"."leaves" - 0.0) / 2.5)) * 2.5) + 0.0) ORDER BY ((FLOOR((("public"."rounds"."leaves" - 0.0) / 2.5)) * 2.5) + 0.0) ASC
;;
-- rows
-- params: %SEAL% | 2026-11-22T00:00:00Z
SELECT "public"."hashes"."receipt" AS "receipt", "public"."hashes"."lane" AS "lane" FROM "public"."hashes"
 WHERE (LOWER("public"."hashes"."lane") LIKE LOWER($1)) AND ("public"."hashes"."round" >= $2::timestamptz) ORDER BY "public"."hashes"."receipt" DESC LIMIT 2000
;;
-- rows
SELECT "source"."lane" AS "lane", "source"."count" AS "count", "source"."share" AS "share" FROM (
  SELECT "public"."hashes"."lane" AS "lane", COUNT(*) AS "count", CAST(SUM(CASE WHEN "public"."hashes"."agency" = 'alpha' THEN 1 ELSE 0.0 END) AS float) / NULLIF(CAST(COUNT(*) AS float), 0.0) AS "share"
    FROM "public"."hashes" GROUP BY "public"."hashes"."lane") AS "source" WHERE "source"."count" > 1 ORDER BY "source"."lane"
;;
-- rows
SELECT "public"."hashes"."agency" AS "agency", PERCENTILE_CONT(0.5) within group (order by "public"."hashes"."slot_index") AS "median", STDDEV_POP("public"."hashes"."slot_index") AS "stddev"
  FROM "public"."hashes" GROUP BY "public"."hashes"."agency" ORDER BY "public"."hashes"."agency" ASC
;;
-- rows
SELECT "public"."hashes"."lane" AS "lane", "Rounds"."leaves" AS "Rounds__leaves", COUNT(*) AS "count" FROM "public"."hashes"
  LEFT JOIN "public"."rounds" AS "Rounds" ON "public"."hashes"."round" = "Rounds"."round" GROUP BY "public"."hashes"."lane", "Rounds"."leaves" ORDER BY "public"."hashes"."lane" ASC, "Rounds"."leaves" ASC
;;
SELECT CAST("public"."hashes"."filed_at" AS date) AS "filed_at", COUNT(*) FROM "public"."hashes"
 WHERE ("public"."hashes"."filed_at" >= CAST((NOW() + (INTERVAL '-30 day')) AS date)) AND ("public"."hashes"."filed_at" < CAST(NOW() AS date)) GROUP BY CAST("public"."hashes"."filed_at" AS date)
;;
-- rows
SELECT SUM("count") OVER (ORDER BY "day" ROWS UNBOUNDED PRECEDING) AS "sum", "day" FROM (SELECT DATE_TRUNC('second', "round") AS "day", COUNT(*) AS "count" FROM "public"."hashes" GROUP BY 1) AS "q" ORDER BY "day"
;;
-- rows
SELECT substring("public"."hashes"."receipt" FROM '/([a-z]+)/') AS "agency", REGEXP_REPLACE("public"."hashes"."receipt", '^.*/', '', 'g') AS "n", CASE WHEN 2 < 1 THEN '' ELSE SPLIT_PART("public"."hashes"."receipt", '/', 2) END AS "second",
       CAST(TRUNC(CAST(extract(epoch from TIMESTAMP '2026-11-23') AS numeric) - extract(epoch from "public"."hashes"."round")) AS integer) AS "age", CAST(extract(year from AGE(DATE_TRUNC('day', TIMESTAMP '2028-01-01'), DATE_TRUNC('day', "public"."hashes"."round" AT TIME ZONE 'UTC'))) AS integer) AS "years",
       TIMEZONE('Asia/Tokyo', "public"."hashes"."round") AS "tokyo"
  FROM "public"."hashes" ORDER BY "public"."hashes"."receipt" LIMIT 5
;;
SELECT * FROM "public"."proofs" LIMIT 0
;;
-- rows
SELECT "public"."hashes"."digest" AS "digest", "public"."hashes"."algorithm" AS "algorithm" FROM "public"."hashes" ORDER BY "public"."hashes"."digest" LIMIT 3
