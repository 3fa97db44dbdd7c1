-- After Grafana 9 to 12 (PostgreSQL data source), not recorded: the same relations, functions and forms as it asks, in words of our own.
-- rows
SELECT current_setting('server_version_num')::int/100 AS version
;;
SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'
;;
-- rows
SELECT schema_name AS "name" FROM information_schema.schemata
 WHERE schema_name NOT IN ('information_schema', 'pg_catalog', 'pg_toast', '_timescaledb_internal') ORDER BY schema_name
;;
-- rows
SELECT quote_ident(table_name) AS "table" FROM information_schema.tables
 WHERE quote_ident(table_schema) IN (
   SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
     FROM generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1),
                          array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS i,
          string_to_array(current_setting('search_path'), ',') s)
 ORDER BY 1
;;
-- rows
SELECT CASE WHEN quote_ident(table_schema) IN (SELECT trim(s) FROM unnest(string_to_array(current_setting('search_path'), ',')) s)
            THEN quote_ident(table_name) ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS "table"
  FROM information_schema.tables WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog')
 ORDER BY CASE WHEN table_schema = 'public' THEN 0 ELSE 1 END, 1
;;
-- rows
SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns
 WHERE CASE WHEN array_length(parse_ident('public.hashes'), 1) = 2
            THEN quote_ident(table_schema) = (parse_ident('public.hashes'))[1] AND quote_ident(table_name) = (parse_ident('public.hashes'))[2]
            ELSE quote_ident(table_name) = 'public.hashes' END
 ORDER BY ordinal_position
;;
-- rows
SELECT quote_ident(column_name) FROM information_schema.columns WHERE quote_ident(table_name) = 'rounds'
   AND data_type IN ('timestamp without time zone', 'timestamp with time zone', 'bigint', 'integer', 'double precision', 'real')
 ORDER BY ordinal_position
;;
-- rows
SELECT floor(extract(epoch from round)/5)*5 AS "time", sum(leaves) AS "leaves" FROM rounds
 WHERE round BETWEEN '2026-11-22T01:15:00Z' AND '2026-11-22T01:16:30.5Z' GROUP BY 1 ORDER BY 1
;;
-- rows
SELECT floor(extract(epoch from round)/300)*300 AS "time", lane AS metric, count(*) AS "value" FROM hashes
 WHERE round BETWEEN '2026-11-22T01:00:00.123456789Z' AND '2026-11-22T02:00:00Z' GROUP BY time, metric ORDER BY time, metric
;;
-- rows
SELECT round AS "time", leaves FROM rounds WHERE round >= '2026-11-22T01:15:31Z' AND round <= '2026-11-22T01:15:35Z' ORDER BY round ASC
;;
-- rows
SELECT extract(epoch from round) as "time", leaves::float8 AS value, slots::text AS metric FROM rounds ORDER BY 1 LIMIT 3
;;
-- rows
SELECT floor((second)/10)*10 AS "time", avg(leaves) AS "avg", max(leaves) AS "max" FROM rounds
 WHERE second >= 1795310100 AND second <= 1795310200 GROUP BY 1 ORDER BY 1
;;
-- rows
SELECT DISTINCT agency AS __text, lane AS __value FROM hashes ORDER BY 1, 2 LIMIT 100
;;
-- rows
SELECT round AS "time", leaves FROM rounds WHERE extract(epoch from round) * 1000 BETWEEN 1795310100000 AND 1795310135000 ORDER BY 1
;;
-- rows
SELECT "time", lane, cumulative FROM (
  SELECT round AS "time", lane, sum(count(*)) OVER (PARTITION BY lane ORDER BY round) AS cumulative FROM hashes
   WHERE agency IN ('alpha','beta') GROUP BY round, lane) q ORDER BY "time", lane
;;
-- rows
SELECT round AS time, leaves - lag(leaves) OVER (ORDER BY round) AS delta, case when lag(leaves) over w = 0 then null else leaves::numeric / lag(leaves) over w end AS ratio
  FROM rounds WINDOW w AS (ORDER BY round) ORDER BY 1
;;
-- rows
SELECT date_trunc('minute', round) AS time, percentile_cont(0.95) WITHIN GROUP (ORDER BY leaves) AS p95 FROM rounds GROUP BY 1 ORDER BY 1
;;
SELECT floor(extract(epoch from round)/0.5)*0.5 AS time, count(*) FROM calendar WHERE round BETWEEN '2026-11-22T01:15:00Z' AND '2026-11-22T01:15:35Z' GROUP BY 1
;;
-- rows
SELECT to_timestamp(floor(extract(epoch from round)/60)*60) AT TIME ZONE 'Europe/Berlin' AS t, count(*) FROM rounds GROUP BY 1
;;
-- rows
SELECT 1795310130000::bigint AS time, round AS timeend, 'filed' AS text, ARRAY[lane, algorithm]::text AS tags, receipt AS id FROM hashes ORDER BY receipt LIMIT 2
