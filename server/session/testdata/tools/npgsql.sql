-- After Npgsql 6 to 9 and Power BI over it, not recorded: the same relations, functions and forms as it asks, in words of our own.
SELECT version();
;;
SELECT sp.nspname, k.oid, k.typname, k.kind, k.typnotnull, k.inner_oid
FROM (SELECT o.*, e.typname AS inner_name, ec.relkind AS inner_rel, CASE WHEN er.proname='array_recv' THEN 'a' ELSE e.typtype END AS inner_kind
      FROM (SELECT b.oid, b.typnamespace, b.typname, b.typnotnull, c.relkind, CASE WHEN r.proname='array_recv' THEN 'a' ELSE b.typtype END AS kind,
                   CASE WHEN r.proname='array_recv' THEN b.typelem WHEN b.typtype='r' THEN rngsubtype
                        WHEN b.typtype='m' THEN (SELECT rngtypid FROM pg_range WHERE rngmultitypid = b.oid) WHEN b.typtype='d' THEN b.typbasetype END AS inner_oid
            FROM pg_type AS b LEFT JOIN pg_class AS c ON (c.oid = b.typrelid) LEFT JOIN pg_proc AS r ON r.oid = b.typreceive LEFT JOIN pg_range ON (pg_range.rngtypid = b.oid)) AS o
      LEFT JOIN pg_type AS e ON e.oid = o.inner_oid LEFT JOIN pg_class AS ec ON (ec.oid = e.typrelid) LEFT JOIN pg_proc AS er ON er.oid = e.typreceive) AS k
JOIN pg_namespace AS sp ON (sp.oid = typnamespace)
WHERE kind IN ('b', 'r', 'm', 'e', 'd') OR (kind = 'c' AND relkind='c') OR (kind = 'p' AND typname IN ('record', 'void'))
   OR (kind = 'a' AND (inner_kind IN ('b', 'r', 'm', 'e', 'd') OR (inner_kind = 'p' AND inner_name IN ('record', 'void')) OR (inner_kind = 'c' AND inner_rel='c')))
ORDER BY CASE WHEN kind IN ('b', 'e', 'p') THEN 0 WHEN kind = 'r' THEN 1 WHEN kind = 'm' THEN 2 WHEN kind = 'c' THEN 3
              WHEN kind = 'd' AND inner_kind <> 'a' THEN 4 WHEN kind = 'a' THEN 5 WHEN kind = 'd' AND inner_kind = 'a' THEN 6 END
;;
-- Load field definitions for (free-standing) composite types
SELECT typ.oid, att.attname, att.atttypid FROM pg_type AS typ JOIN pg_namespace AS ns ON (ns.oid = typ.typnamespace) JOIN pg_class AS cls ON (cls.oid = typ.typrelid) JOIN pg_attribute AS att ON (att.attrelid = typ.typrelid)
WHERE (typ.typtype = 'c' AND cls.relkind='c') AND attnum > 0 AND NOT attisdropped ORDER BY typ.oid, att.attnum
;;
-- Load enum fields
SELECT pg_type.oid, enumlabel FROM pg_enum JOIN pg_type ON pg_type.oid=enumtypid ORDER BY oid, enumsortorder
;;
-- rows
SELECT t.oid, t.typname, e.oid AS element FROM pg_type t JOIN pg_type e ON e.oid = t.typelem JOIN pg_proc p ON p.oid = t.typreceive
 WHERE p.proname = 'array_recv' AND e.typname IN ('bool', 'bytea', 'int2', 'int4', 'int8', 'text', 'varchar', 'numeric', 'float4', 'float8', 'date', 'timestamp', 'timestamptz', 'interval', 'uuid', 'json', 'jsonb', 'oid', 'name') ORDER BY t.oid
;;
SELECT CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE 'primary' END, current_setting('default_transaction_read_only')
;;
DISCARD ALL
;;
SELECT datname AS database_name, usename AS owner, pg_encoding_to_char(encoding) AS encoding FROM pg_database d LEFT JOIN pg_user u ON u.usesysid = d.datdba
;;
SELECT table_catalog, table_schema, table_name, table_type FROM information_schema.tables WHERE table_type IN ('BASE TABLE', 'FOREIGN', 'FOREIGN TABLE') AND table_schema NOT IN ('pg_catalog', 'information_schema')
;;
SELECT table_catalog, table_schema, table_name, column_name, ordinal_position, column_default, is_nullable, udt_name::regtype::text AS data_type, character_maximum_length, character_octet_length, numeric_precision, numeric_precision_radix, numeric_scale, datetime_precision, character_set_catalog, collation_catalog
  FROM information_schema.columns WHERE table_schema = 'public'
;;
SELECT current_database() AS constraint_catalog, pgn.nspname AS constraint_schema, pgc.conname AS constraint_name, current_database() AS table_catalog, pgtn.nspname AS table_schema, pgt.relname AS table_name, "CONSTRAINT_TYPE" AS constraint_type, pgc.condeferrable AS is_deferrable, pgc.condeferred AS initially_deferred
  FROM pg_catalog.pg_constraint pgc JOIN pg_catalog.pg_namespace pgn ON pgc.connamespace = pgn.oid JOIN pg_catalog.pg_class pgt ON pgc.conrelid = pgt.oid JOIN pg_catalog.pg_namespace pgtn ON pgt.relnamespace = pgtn.oid
  JOIN (SELECT 'PRIMARY KEY' AS "CONSTRAINT_TYPE", 'p' AS "contype" UNION ALL SELECT 'FOREIGN KEY', 'f' UNION ALL SELECT 'UNIQUE KEY', 'u') mapping_table ON mapping_table.contype = pgc.contype
;;
SELECT current_database() AS table_catalog, n.nspname AS table_schema, t.relname AS table_name, i.relname AS index_name, '' AS type_desc
  FROM pg_catalog.pg_class i JOIN pg_catalog.pg_index ix ON ix.indexrelid = i.oid JOIN pg_catalog.pg_class t ON ix.indrelid = t.oid LEFT JOIN pg_catalog.pg_user u ON u.usesysid = i.relowner
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = i.relnamespace WHERE i.relkind = 'i' AND n.nspname NOT IN ('pg_catalog', 'pg_toast') AND t.relkind = 'r'
;;
-- the columns of a result
SELECT y.oid AS typoid, nspname, relname, attname, attrelid, attnum, attnotnull, attidentity != '' AS isidentity, CASE WHEN y.typtype = 'd' THEN y.typtypmod ELSE atttypmod END AS typmod,
       CASE WHEN atthasdef THEN (SELECT pg_get_expr(adbin, k.oid) FROM pg_attrdef WHERE adrelid = k.oid AND adnum = a.attnum) ELSE NULL END AS "default",
       EXISTS (SELECT * FROM pg_index WHERE indrelid = k.oid AND indisprimary AND attnum = ANY (indkey)) AS isprimarykey,
       EXISTS (SELECT * FROM pg_index WHERE indrelid = k.oid AND indisunique AND indnkeyatts = 1 AND attnum = pg_index.indkey[0]) AS isunique, CASE WHEN c.is_updatable = 'YES' THEN true ELSE false END AS is_updatable
  FROM pg_attribute AS a JOIN pg_type AS y ON a.atttypid = y.oid JOIN pg_class AS k ON k.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = k.relnamespace
  LEFT OUTER JOIN information_schema.columns AS c ON c.table_schema = nspname AND c.table_name = relname AND c.column_name = attname
 WHERE atttypid <> 0 AND relkind IN ('r', 'v', 'm') AND attnum > 0 AND ((a.attrelid = 'hashes'::regclass AND a.attnum = 1) OR (a.attrelid = 'hashes'::regclass AND a.attnum = 2)) ORDER BY attnum
;;
-- params: hashes
SELECT proname, proargnames, proargtypes, proallargtypes, proargmodes, pronargdefaults, pronargs FROM pg_proc WHERE oid = to_regproc($1)
;;
-- rows
/*Power BI*/
select TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE from INFORMATION_SCHEMA.tables where TABLE_SCHEMA not in ('information_schema', 'pg_catalog') order by TABLE_SCHEMA, TABLE_NAME
;;
-- rows
select COLUMN_NAME, ORDINAL_POSITION, case when (data_type like '%unsigned%') then DATA_TYPE || ' unsigned' else DATA_TYPE end as DATA_TYPE from INFORMATION_SCHEMA.columns where TABLE_SCHEMA = 'public' and TABLE_NAME = 'rounds' order by TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION
;;
-- rows
select character_set_name from INFORMATION_SCHEMA.character_sets
;;
select pkcol.COLUMN_NAME as PK_COLUMN_NAME, fkcol.TABLE_SCHEMA AS FK_TABLE_SCHEMA, fkcol.TABLE_NAME AS FK_TABLE_NAME, fkcol.COLUMN_NAME as FK_COLUMN_NAME, fkcol.ORDINAL_POSITION as ORDINAL, fkcon.CONSTRAINT_SCHEMA || '_' || fkcol.TABLE_NAME || '_' || 'hashes' || '_' || fkcon.CONSTRAINT_NAME as FK_NAME
  from (select distinct constraint_catalog, constraint_schema, unique_constraint_schema, constraint_name, unique_constraint_name from INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS) fkcon
 inner join INFORMATION_SCHEMA.KEY_COLUMN_USAGE fkcol on fkcon.CONSTRAINT_SCHEMA = fkcol.CONSTRAINT_SCHEMA and fkcon.CONSTRAINT_NAME = fkcol.CONSTRAINT_NAME
 inner join INFORMATION_SCHEMA.KEY_COLUMN_USAGE pkcol on fkcon.UNIQUE_CONSTRAINT_SCHEMA = pkcol.CONSTRAINT_SCHEMA and fkcon.UNIQUE_CONSTRAINT_NAME = pkcol.CONSTRAINT_NAME
 where pkcol.TABLE_SCHEMA = 'public' and pkcol.TABLE_NAME = 'hashes' and pkcol.ORDINAL_POSITION = fkcol.ORDINAL_POSITION order by FK_NAME, fkcol.ORDINAL_POSITION
;;
select i.CONSTRAINT_SCHEMA || '_' || i.CONSTRAINT_NAME as INDEX_NAME, ii.COLUMN_NAME, ii.ORDINAL_POSITION, case when i.CONSTRAINT_TYPE = 'PRIMARY KEY' then 'Y' else 'N' end as PRIMARY_KEY
  from INFORMATION_SCHEMA.table_constraints i inner join INFORMATION_SCHEMA.key_column_usage ii on i.CONSTRAINT_SCHEMA = ii.CONSTRAINT_SCHEMA and i.CONSTRAINT_NAME = ii.CONSTRAINT_NAME and i.TABLE_SCHEMA = ii.TABLE_SCHEMA and i.TABLE_NAME = ii.TABLE_NAME
 where i.TABLE_SCHEMA = 'public' and i.TABLE_NAME = 'rounds' and i.CONSTRAINT_TYPE in ('PRIMARY KEY', 'UNIQUE') order by i.CONSTRAINT_SCHEMA || '_' || i.CONSTRAINT_NAME, ii.TABLE_SCHEMA, ii.TABLE_NAME, ii.ORDINAL_POSITION
;;
-- rows
select "rows"."lane" as "lane", count(1) as "n", sum("rows"."slot_index") as "s" from (select "_"."lane", "_"."slot_index" from (select "digest", "lane", "slot_index" from "public"."hashes" "$Table") "_" where "_"."lane" = 'main' and "_"."lane" is not null) "rows" group by "lane" limit 1000001
;;
-- rows
select "$Ordered"."receipt", "$Ordered"."lane" from (select "receipt", "lane" from "public"."hashes" "$Table") "$Ordered" order by "$Ordered"."receipt" limit 4096
