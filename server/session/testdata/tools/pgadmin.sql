-- After pgAdmin 4, versions 6 to 9, not recorded: the same relations, functions and forms as it asks, in words of our own.
SET DateStyle=ISO
;;
SET client_min_messages=notice
;;
-- rows
SELECT set_config('bytea_output','hex',false) FROM pg_catalog.pg_settings WHERE name = 'bytea_output'
;;
SET client_encoding='UNICODE'
;;
SELECT db.oid as did, db.datname, db.datallowconn, pg_catalog.pg_encoding_to_char(db.encoding) AS serverencoding, pg_catalog.has_database_privilege(db.oid, 'CREATE') as cancreate, datistemplate FROM pg_catalog.pg_database db WHERE db.datname = current_database()
;;
SELECT gss_authenticated, encrypted FROM pg_catalog.pg_stat_gssapi WHERE pid = pg_catalog.pg_backend_pid()
;;
SELECT roles.oid as id, roles.rolname as name, roles.rolsuper as is_superuser, CASE WHEN roles.rolsuper THEN true ELSE roles.rolcreaterole END as can_create_role, CASE WHEN roles.rolsuper THEN true ELSE roles.rolcreatedb END as can_create_db,
  CASE WHEN 'pg_signal_backend'=ANY(ARRAY(WITH RECURSIVE cte AS (SELECT pg_roles.oid,pg_roles.rolname FROM pg_catalog.pg_roles WHERE pg_roles.oid = roles.oid
    UNION ALL SELECT m.roleid,pgr.rolname FROM cte cte_1 JOIN pg_catalog.pg_auth_members m ON m.member = cte_1.oid JOIN pg_catalog.pg_roles pgr ON pgr.oid = m.roleid) SELECT rolname FROM cte)) THEN True ELSE False END as can_signal_backend
FROM pg_catalog.pg_roles as roles WHERE rolname = current_user
;;
SELECT usename, usesuper FROM pg_catalog.pg_user WHERE usename = current_user
;;
SELECT set_config('application_name', 'pgAdmin 4 - CONN:1', false), pg_catalog.pg_is_in_recovery() as inrecovery, CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_is_wal_replay_paused() ELSE FALSE END as isreplaypaused
;;
/*pga4dash*/
SELECT 'session_stats' AS chart_name, pg_catalog.row_to_json(t) AS chart_data FROM (SELECT (SELECT count(*) FROM pg_catalog.pg_stat_activity) AS "Total", (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE state = 'active') AS "Active", (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE state = 'idle') AS "Idle") t
UNION ALL
SELECT 'tps_stats', pg_catalog.row_to_json(t) FROM (SELECT (SELECT sum(xact_commit) + sum(xact_rollback) FROM pg_catalog.pg_stat_database WHERE datname = (SELECT datname FROM pg_catalog.pg_database WHERE oid = 1)) AS "Transactions", (SELECT sum(xact_commit) FROM pg_catalog.pg_stat_database) AS "Commits") t
UNION ALL
SELECT 'bio_stats', pg_catalog.row_to_json(t) FROM (SELECT (SELECT sum(blks_read) FROM pg_catalog.pg_stat_database) AS "Reads", (SELECT sum(blks_hit) FROM pg_catalog.pg_stat_database) AS "Hits") t
;;
/*pga4dash*/
SELECT 'ti_stats' AS chart_name, row_to_json(t)::jsonb AS chart_data FROM (SELECT (SELECT sum(tup_inserted) FROM pg_stat_database) AS "Inserts", (SELECT sum(tup_deleted) FROM pg_stat_database) AS "Deletes") t
;;
/*pga4dash*/
SELECT pid, datname, usename, application_name, client_addr, pg_catalog.to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') AS backend_start, state, wait_event_type || ': ' || wait_event AS wait_event, array_to_string(pg_catalog.pg_blocking_pids(pid), ', ') AS blocking_pids,
  query, pg_catalog.to_char(state_change, 'YYYY-MM-DD HH24:MI:SS TZ') AS state_change, pg_catalog.to_char(query_start, 'YYYY-MM-DD HH24:MI:SS TZ') AS query_start, pg_catalog.to_char(xact_start, 'YYYY-MM-DD HH24:MI:SS TZ') AS xact_start, backend_type,
  CASE WHEN state = 'active' THEN ROUND((extract(epoch from now() - query_start) / 60)::numeric, 2) ELSE 0 END AS active_since
FROM pg_catalog.pg_stat_activity WHERE datname = (SELECT datname FROM pg_catalog.pg_database WHERE oid = 16384) ORDER BY pid
;;
/*pga4dash*/
SELECT pid, locktype, datname, relation::regclass, page, tuple, virtualxid transactionid, classid::regclass, objid, objsubid, virtualtransaction, mode, granted, fastpath FROM pg_catalog.pg_locks l LEFT OUTER JOIN pg_catalog.pg_database d ON (l.database = d.oid) ORDER BY pid, locktype
;;
SELECT gid, database, owner, pg_catalog.to_char(prepared, 'YYYY-MM-DD HH24:MI:SS TZ') AS prepared, transaction FROM pg_catalog.pg_prepared_xacts ORDER BY gid, database, owner
;;
SELECT name, category, setting, unit, short_desc FROM pg_catalog.pg_settings ORDER BY category
;;
SELECT * FROM pg_catalog.pg_stat_replication
;;
SELECT * FROM pg_catalog.pg_replication_slots
;;
SELECT db.oid as did, db.datname as name, ta.spcname as spcname, db.datallowconn, db.datistemplate AS is_template, pg_catalog.has_database_privilege(db.oid, 'CREATE') as cancreate, datdba as owner, descr.description
FROM pg_catalog.pg_database db LEFT OUTER JOIN pg_catalog.pg_tablespace ta ON db.dattablespace = ta.oid LEFT OUTER JOIN pg_catalog.pg_shdescription descr ON (db.oid = descr.objoid AND descr.classoid = 'pg_database'::regclass)
WHERE db.oid > 1::OID OR db.datname IN ('postgres', 'edb') ORDER BY datname
;;
SELECT db.oid AS did, db.datname AS name, db.dattablespace AS spcoid, spcname, datallowconn, pg_catalog.pg_encoding_to_char(encoding) AS encoding, pg_catalog.pg_get_userbyid(datdba) AS datowner, datcollate, datctype, datconnlimit, daticulocale, datlocprovider, datcollversion,
  pg_catalog.current_setting('default_tablespace') AS default_tablespace, descr.description AS comments,
  CASE WHEN db.datname = pg_catalog.current_database() THEN (SELECT pg_catalog.string_agg(pg_catalog.array_to_string(defaclacl::text[], ', '), ', ' ORDER BY defaclrole) FROM pg_catalog.pg_default_acl WHERE defaclnamespace = 0::OID AND defaclobjtype = 'r') END AS tblacl,
  pg_catalog.array_to_string(datacl::text[], ', ') AS acl
FROM pg_catalog.pg_database db LEFT OUTER JOIN pg_catalog.pg_tablespace ta ON db.dattablespace=ta.OID LEFT OUTER JOIN pg_catalog.pg_shdescription descr ON (db.oid=descr.objoid AND descr.classoid='pg_database'::regclass) ORDER BY datname
;;
SELECT nsp.oid, nsp.nspname as name, pg_catalog.has_schema_privilege(nsp.oid, 'CREATE') as can_create, pg_catalog.has_schema_privilege(nsp.oid, 'USAGE') as has_usage, des.description
FROM pg_catalog.pg_namespace nsp LEFT OUTER JOIN pg_catalog.pg_description des ON (des.objoid=nsp.oid AND des.classoid='pg_namespace'::regclass)
WHERE nspname NOT LIKE E'pg\\_%' AND NOT ((nsp.nspname = 'pg_catalog' AND EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE relname = 'pg_class' AND relnamespace = nsp.oid LIMIT 1)) OR (nsp.nspname = 'information_schema' AND EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE relname = 'tables' AND relnamespace = nsp.oid LIMIT 1))) ORDER BY nspname
;;
SELECT CASE WHEN (nspname LIKE E'pg\\_temp\\_%') THEN 1 WHEN (nspname LIKE E'pg\\_%') THEN 0 ELSE 3 END AS nsptyp, nsp.nspname AS name, nsp.oid, pg_catalog.array_to_string(nsp.nspacl::text[], ', ') as acl, r.rolname AS namespaceowner, description,
  (SELECT pg_catalog.array_to_string(ARRAY(SELECT pg_catalog.array_to_string(defaclacl::text[], ', ') FROM pg_catalog.pg_default_acl WHERE defaclobjtype = 'S' AND defaclnamespace = nsp.oid), ', ')) AS seqacl,
  (SELECT pg_catalog.array_agg(provider || '=' || label) FROM pg_catalog.pg_seclabels sl1 WHERE sl1.objoid=nsp.oid) AS seclabels
FROM pg_catalog.pg_namespace nsp LEFT OUTER JOIN pg_catalog.pg_description des ON (des.objoid=nsp.oid AND des.classoid='pg_namespace'::regclass) LEFT JOIN pg_catalog.pg_roles r ON (r.oid = nsp.nspowner) WHERE nsp.oid=2200::oid ORDER BY 1, nspname
;;
SELECT rel.oid, rel.relname AS name, (SELECT count(*) FROM pg_catalog.pg_trigger WHERE tgrelid=rel.oid AND tgisinternal = FALSE) AS triggercount, (SELECT count(*) FROM pg_catalog.pg_trigger WHERE tgrelid=rel.oid AND tgisinternal = FALSE AND tgenabled = 'O') AS has_enable_triggers,
  (CASE WHEN rel.relkind = 'p' THEN true ELSE false END) AS is_partitioned, (SELECT count(1) FROM pg_catalog.pg_inherits WHERE inhrelid=rel.oid LIMIT 1) as is_inherits, (SELECT count(1) FROM pg_catalog.pg_inherits WHERE inhparent=rel.oid LIMIT 1) as is_inherited
FROM pg_catalog.pg_class rel WHERE rel.relkind IN ('r','s','t','p') AND rel.relnamespace = 2200::oid AND NOT rel.relispartition ORDER BY rel.relname
;;
SELECT t.oid, t.relname AS name, t.relacl AS acl, t.relkind, t.relhassubclass, t.reltuples::bigint, d.description, k.conname, k.conkey, pg_catalog.pg_get_userbyid(t.relowner) AS owner, (select nspname FROM pg_catalog.pg_namespace WHERE oid = 2200::oid) as schema,
  (CASE WHEN length(s.spcname::text) > 0 OR t.relkind = 'p' THEN s.spcname ELSE (SELECT ts.spcname FROM pg_catalog.pg_database db JOIN pg_catalog.pg_tablespace ts ON db.dattablespace=ts.oid WHERE db.oid = 16384::oid) END) as tablespace,
  (CASE t.relreplident WHEN 'd' THEN 'default' WHEN 'n' THEN 'nothing' WHEN 'f' THEN 'full' WHEN 'i' THEN 'index' END) as identity, EXISTS(select 1 FROM pg_catalog.pg_trigger JOIN pg_catalog.pg_proc f ON f.oid=tgfoid AND f.proname='logtrigger' WHERE tgrelid=t.oid) AS replicated,
  (SELECT ARRAY(SELECT CASE WHEN (nspname NOT LIKE 'pg\_%') THEN pg_catalog.quote_ident(nspname)||'.'||pg_catalog.quote_ident(c.relname) ELSE pg_catalog.quote_ident(c.relname) END FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhparent JOIN pg_catalog.pg_namespace n ON n.oid=c.relnamespace WHERE i.inhrelid = t.oid ORDER BY inhseqno)) AS parents,
  substring(pg_catalog.array_to_string(t.reloptions, ',') FROM 'fillfactor=([0-9]*)') AS fillfactor, (substring(pg_catalog.array_to_string(t.reloptions, ',') FROM 'autovacuum_enabled=([a-z|0-9]*)'))::BOOL AS autovacuum, substring(pg_catalog.array_to_string(toast.reloptions, ',') FROM 'autovacuum_vacuum_scale_factor=([0-9]*[.]?[0-9]*)') AS factor,
  t.reloptions, toast.reloptions AS toast_options, t.reloftype, CASE WHEN y.typname IS NOT NULL THEN 'public.'||pg_catalog.quote_ident(y.typname) ELSE y.typname END AS typname, y.typrelid AS typoid, t.relrowsecurity, (CASE WHEN t.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(t.oid) ELSE '' END) AS partitions,
  (CASE WHEN t.relkind IN ('p') THEN (SELECT st.setting from pg_catalog.pg_show_all_settings() st WHERE st.name = 'default_table_access_method') ELSE m.amname END) as access_method
FROM pg_catalog.pg_class t LEFT OUTER JOIN pg_catalog.pg_tablespace s on s.oid=t.reltablespace LEFT OUTER JOIN pg_catalog.pg_description d ON (d.objoid=t.oid AND d.objsubid=0 AND d.classoid='pg_class'::regclass) LEFT OUTER JOIN pg_catalog.pg_constraint k ON k.conrelid=t.oid AND k.contype='p'
LEFT OUTER JOIN pg_catalog.pg_class toast ON toast.oid = t.reltoastrelid LEFT JOIN pg_catalog.pg_type y ON t.reloftype=y.oid LEFT JOIN pg_catalog.pg_am m ON m.oid = t.relam WHERE t.relkind IN ('r','s','t','p') AND t.relnamespace = 2200::oid AND NOT t.relispartition ORDER BY t.relname
;;
SELECT DISTINCT att.attname as name, att.attnum as OID, pg_catalog.format_type(ty.oid,NULL) AS datatype, pg_catalog.format_type(ty.oid,att.atttypmod) AS displaytypname, att.attnotnull as not_null,
  CASE WHEN att.atthasdef OR att.attidentity != '' OR ty.typdefault IS NOT NULL THEN True ELSE False END as has_default_val, des.description, seq.seqtypid
FROM pg_catalog.pg_attribute att JOIN pg_catalog.pg_type ty ON ty.oid=atttypid JOIN pg_catalog.pg_namespace tn ON tn.oid=ty.typnamespace JOIN pg_catalog.pg_class cl ON cl.oid=att.attrelid JOIN pg_catalog.pg_namespace na ON na.oid=cl.relnamespace LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid=ty.typelem
LEFT OUTER JOIN pg_catalog.pg_attrdef def ON adrelid=att.attrelid AND adnum=att.attnum LEFT OUTER JOIN (pg_catalog.pg_depend JOIN pg_catalog.pg_class cs ON classid='pg_class'::regclass AND objid=cs.oid AND cs.relkind='S') ON refobjid=att.attrelid AND refobjsubid=att.attnum
LEFT OUTER JOIN pg_catalog.pg_namespace ns ON ns.oid=cs.relnamespace LEFT OUTER JOIN pg_catalog.pg_index pi ON pi.indrelid=att.attrelid AND indisprimary LEFT OUTER JOIN pg_catalog.pg_description des ON (des.objoid=att.attrelid AND des.objsubid=att.attnum AND des.classoid='pg_class'::regclass)
LEFT OUTER JOIN pg_catalog.pg_sequence seq ON cs.oid=seq.seqrelid WHERE att.attrelid = 'public.hashes'::regclass::oid AND att.attnum > 0 AND att.attisdropped IS FALSE ORDER BY att.attnum
;;
SELECT att.attname as name, att.atttypid, att.attlen, att.attnum, att.attndims, att.atttypmod, att.attacl, att.attnotnull, att.attoptions, att.attfdwoptions, att.attstattarget, att.attstorage, att.attidentity, pg_catalog.pg_get_expr(def.adbin, def.adrelid) AS defval, ty.typname AS typname,
  CASE WHEN ty.typelem > 0 THEN ty.typelem ELSE ty.oid END as elemoid, (SELECT nspname FROM pg_catalog.pg_namespace WHERE oid = ty.typnamespace) as typnspname, ty.typstorage AS defaultstorage, pi.indkey,
  (SELECT count(1) FROM pg_catalog.pg_type t2 WHERE t2.typname=ty.typname) > 1 AS isdup, CASE WHEN length(coll.collname::text) > 0 AND length(nspc.nspname::text) > 0 THEN pg_catalog.concat(pg_catalog.quote_ident(nspc.nspname),'.',pg_catalog.quote_ident(coll.collname)) ELSE '' END AS collspcname,
  EXISTS(SELECT 1 FROM pg_catalog.pg_constraint WHERE conrelid=att.attrelid AND contype='f' AND att.attnum=ANY(conkey)) As is_fk, (CASE WHEN (att.attnum < 1) THEN true ElSE false END) AS is_sys_column, (CASE WHEN (att.attidentity in ('a', 'd')) THEN 'i' WHEN (att.attgenerated in ('s')) THEN 'g' ELSE 'n' END) AS colconstype,
  (CASE WHEN (att.attgenerated in ('s')) THEN pg_catalog.pg_get_expr(def.adbin, def.adrelid) END) AS genexpr, tab.relname as relname, (CASE WHEN tab.relkind = 'v' THEN true ELSE false END) AS is_view_only, att.attcompression as attcompression, seq.*
FROM pg_catalog.pg_attribute att JOIN pg_catalog.pg_type ty ON ty.oid=atttypid LEFT OUTER JOIN pg_catalog.pg_attrdef def ON adrelid=att.attrelid AND adnum=att.attnum
LEFT OUTER JOIN (pg_catalog.pg_depend dep JOIN pg_catalog.pg_class cs ON dep.classid='pg_class'::regclass AND dep.objid=cs.oid AND cs.relkind='S') ON dep.refobjid=att.attrelid AND dep.refobjsubid=att.attnum LEFT OUTER JOIN pg_catalog.pg_index pi ON pi.indrelid=att.attrelid AND indisprimary
LEFT OUTER JOIN pg_catalog.pg_collation coll ON att.attcollation=coll.oid LEFT OUTER JOIN pg_catalog.pg_namespace nspc ON coll.collnamespace=nspc.oid LEFT OUTER JOIN pg_catalog.pg_sequence seq ON cs.oid=seq.seqrelid LEFT OUTER JOIN pg_catalog.pg_class tab on tab.oid = att.attrelid
WHERE att.attrelid = 'public.rounds'::regclass::oid AND att.attnum > 0 AND att.attisdropped IS FALSE ORDER BY att.attnum
;;
SELECT DISTINCT ON(cls.relname) cls.oid, cls.relname as name, indrelid, indkey, indisclustered, indisvalid, indisunique, indisprimary, n.nspname, indnatts, cls.reltablespace AS spcoid, CASE WHEN (length(spcname::text) > 0 OR cls.relkind = 'I') THEN spcname ELSE (SELECT sp.spcname FROM pg_catalog.pg_database dtb JOIN pg_catalog.pg_tablespace sp ON dtb.dattablespace=sp.oid WHERE dtb.oid = 16384::oid) END as spcname,
  conname, tab.relname as tabname, indclass, con.oid AS conoid, CASE WHEN contype IN ('p', 'u', 'x') THEN desp.description ELSE des.description END AS description, pg_catalog.pg_get_expr(indpred, indrelid, true) as indconstraint, contype, condeferrable, condeferred, amname,
  (SELECT (CASE WHEN count(i.inhrelid) > 0 THEN true ELSE false END) FROM pg_catalog.pg_inherits i WHERE i.inhrelid = cls.oid) as is_inherited, substring(pg_catalog.array_to_string(cls.reloptions, ',') from 'fillfactor=([0-9]*)') AS fillfactor
FROM pg_catalog.pg_index idx JOIN pg_catalog.pg_class cls ON cls.oid=indexrelid JOIN pg_catalog.pg_class tab ON tab.oid=indrelid LEFT OUTER JOIN pg_catalog.pg_tablespace ta on ta.oid=cls.reltablespace JOIN pg_catalog.pg_namespace n ON n.oid=tab.relnamespace JOIN pg_catalog.pg_am am ON am.oid=cls.relam
LEFT JOIN pg_catalog.pg_depend dep ON (dep.classid = cls.tableoid AND dep.objid = cls.oid AND dep.refobjsubid = '0' AND dep.refclassid=(SELECT oid FROM pg_catalog.pg_class WHERE relname='pg_constraint') AND dep.deptype='i')
LEFT OUTER JOIN pg_catalog.pg_constraint con ON (con.tableoid = dep.refclassid AND con.oid = dep.refobjid) LEFT OUTER JOIN pg_catalog.pg_description des ON (des.objoid=cls.oid AND des.classoid='pg_class'::regclass) LEFT OUTER JOIN pg_catalog.pg_description desp ON (desp.objoid=con.oid AND desp.objsubid = 0 AND desp.classoid='pg_constraint'::regclass)
WHERE indrelid = 'public.hashes'::regclass::OID AND conname is NULL ORDER BY cls.relname
;;
SELECT i.indexrelid, CASE i.indoption[i.attnum - 1] WHEN 0 THEN ARRAY['ASC', 'NULLS LAST'] WHEN 1 THEN ARRAY['DESC', 'NULLS FIRST'] WHEN 2 THEN ARRAY['ASC', 'NULLS FIRST'] WHEN 3 THEN ARRAY['DESC', 'NULLS LAST'] ELSE ARRAY['UNKNOWN OPTION' || i.indoption[i.attnum - 1]::text, ''] END::text[] AS options,
  i.attnum, pg_catalog.pg_get_indexdef(i.indexrelid, i.attnum, true) as attdef, CASE WHEN pg_catalog.pg_get_indexdef(i.indexrelid, i.attnum, true) = a.attname THEN FALSE ELSE TRUE END AS is_exp, CASE WHEN (o.opcdefault = FALSE) THEN o.opcname ELSE null END AS opcname, op.oprname AS oprname,
  CASE WHEN length(nspc.nspname::text) > 0 AND length(coll.collname::text) > 0 THEN pg_catalog.concat(pg_catalog.quote_ident(nspc.nspname), '.', pg_catalog.quote_ident(coll.collname)) ELSE '' END AS collnspname
FROM (SELECT indexrelid, i.indoption, i.indclass, pg_catalog.unnest(ARRAY(SELECT pg_catalog.generate_series(1, i.indnatts) AS n)) AS attnum FROM pg_catalog.pg_index i WHERE i.indexrelid = (SELECT min(indexrelid) FROM pg_catalog.pg_index WHERE indrelid = 'public.hashes'::regclass)) i
LEFT JOIN pg_catalog.pg_opclass o ON (o.oid = i.indclass[i.attnum - 1]) LEFT OUTER JOIN pg_catalog.pg_constraint c ON (c.conindid = i.indexrelid) LEFT OUTER JOIN pg_catalog.pg_operator op ON (op.oid = c.conexclop[i.attnum]) LEFT JOIN pg_catalog.pg_attribute a ON (a.attrelid = i.indexrelid AND a.attnum = i.attnum)
LEFT OUTER JOIN pg_catalog.pg_collation coll ON a.attcollation=coll.oid LEFT OUTER JOIN pg_catalog.pg_namespace nspc ON coll.collnamespace=nspc.oid ORDER BY i.attnum
;;
SELECT cls.oid, cls.relname as name, indnkeyatts as col_count, CASE WHEN length(spcname::text) > 0 THEN spcname ELSE (SELECT sp.spcname FROM pg_catalog.pg_database dtb JOIN pg_catalog.pg_tablespace sp ON dtb.dattablespace=sp.oid WHERE dtb.datname = current_database()) END as spcname, CASE contype WHEN 'p' THEN desp.description WHEN 'u' THEN desp.description ELSE des.description END AS comment, condeferrable, condeferred, conislocal
FROM pg_catalog.pg_index idx JOIN pg_catalog.pg_class cls ON cls.oid=indexrelid LEFT OUTER JOIN pg_catalog.pg_tablespace ta on ta.oid=cls.reltablespace LEFT JOIN pg_catalog.pg_depend dep ON (dep.classid = cls.tableoid AND dep.objid = cls.oid AND dep.refobjsubid = '0' AND dep.refclassid=(SELECT oid FROM pg_catalog.pg_class WHERE relname='pg_constraint') AND dep.deptype='i')
LEFT OUTER JOIN pg_catalog.pg_constraint con ON (con.tableoid = dep.refclassid AND con.oid = dep.refobjid) LEFT OUTER JOIN pg_catalog.pg_description des ON (des.objoid=cls.oid AND des.classoid='pg_class'::regclass) LEFT OUTER JOIN pg_catalog.pg_description desp ON (desp.objoid=con.oid AND desp.objsubid = 0 AND desp.classoid='pg_constraint'::regclass)
WHERE indrelid = 'public.hashes'::regclass::oid AND contype='p'
;;
SELECT conindid as oid, conname as name, NOT convalidated as convalidated, contype FROM pg_catalog.pg_constraint ct WHERE contype IN ('x', 'f', 'c', 'p', 'u') AND conrelid = 'public.hashes'::regclass::oid ORDER BY conname
;;
SELECT seq_scan AS "Sequential scans", seq_tup_read AS "Sequential tuples read", idx_scan AS "Index scans", n_tup_ins AS "Tuples inserted", n_live_tup AS "Live tuples", heap_blks_read AS "Heap blocks read", tidx_blks_hit AS "Toast index blocks hit", last_vacuum AS "Last vacuum", last_autoanalyze AS "Last autoanalyze",
  pg_catalog.pg_size_pretty(pg_catalog.pg_relation_size(stat.relid)) AS "Table size", CASE WHEN cl.reltoastrelid = 0 THEN NULL ELSE pg_catalog.pg_size_pretty(pg_catalog.pg_relation_size(cl.reltoastrelid) + COALESCE((SELECT SUM(pg_catalog.pg_relation_size(indexrelid)) FROM pg_catalog.pg_index WHERE indrelid=cl.reltoastrelid)::int8, 0)) END AS "Toast table size",
  pg_catalog.pg_size_pretty(COALESCE((SELECT SUM(pg_catalog.pg_relation_size(indexrelid)) FROM pg_catalog.pg_index WHERE indrelid=stat.relid)::int8, 0)) AS "Indexes size"
FROM pg_catalog.pg_stat_all_tables stat JOIN pg_catalog.pg_statio_all_tables statio ON stat.relid = statio.relid JOIN pg_catalog.pg_class cl ON cl.oid=stat.relid WHERE stat.relid = 'public.hashes'::regclass::oid
;;
SELECT attname AS "Column", null_frac AS "Null fraction", avg_width AS "Average width", n_distinct AS "Distinct values", most_common_vals AS "Most common values", correlation AS "Correlation" FROM pg_catalog.pg_stats WHERE schemaname = 'public' AND tablename = 'hashes' ORDER BY attname
;;
SELECT reltuples::bigint FROM pg_catalog.pg_class WHERE oid = 'public.hashes'::regclass::oid
;;
-- rows
SELECT COUNT(*)::text FROM public.hashes
;;
SELECT pr.oid, pr.proname || '(' || COALESCE(pg_catalog.pg_get_function_identity_arguments(pr.oid), '') || ')' as name, lanname, pg_catalog.pg_get_userbyid(proowner) as funcowner, description
FROM pg_catalog.pg_proc pr JOIN pg_catalog.pg_type typ ON typ.oid=prorettype JOIN pg_catalog.pg_language lng ON lng.oid=prolang LEFT OUTER JOIN pg_catalog.pg_description des ON (des.objoid=pr.oid AND des.classoid='pg_proc'::regclass)
WHERE pr.prokind IN ('f', 'w') AND pronamespace = 2200::oid AND typname NOT IN ('trigger', 'event_trigger') ORDER BY proname
;;
SELECT f.oid, f.xmin, f.tableoid::regclass, CASE WHEN prokind = 'w' THEN true ELSE false END AS is_window, prosrc FROM pg_catalog.pg_proc f WHERE f.proname = 'abs'
;;
SELECT pr.oid, pr.proname AS name, prosrc, prosrc AS prosrc_c, pronamespace, prolang, procost, prorows, prokind, prosecdef, proleakproof, proisstrict, proretset, provolatile, proparallel, pronargs, prorettype, proallargtypes, proargmodes, probin, proacl, pg_catalog.array_to_string(proargnames, ',') AS proargnames,
  pg_catalog.oidvectortypes(proargtypes) AS proargtypenames, pg_catalog.array_to_string(proconfig, ',') AS proconfig, pg_catalog.pg_get_function_sqlbody(pr.oid) AS prosqlbody, pg_catalog.pg_get_function_arguments(pr.oid) AS args, pg_catalog.pg_get_function_result(pr.oid) AS prorettypename, typns.nspname AS typnsp, lanname,
  pg_catalog.pg_get_function_identity_arguments(pr.oid) AS proargs_, pg_catalog.pg_get_expr(proargdefaults, 'pg_catalog.pg_class'::regclass) AS proargdefaultvals, pg_catalog.obj_description(pr.oid, 'pg_proc') AS description, (SELECT array_agg(provider || '=' || label) FROM pg_catalog.pg_seclabel sl1 WHERE sl1.objoid=pr.oid) AS seclabels
FROM pg_catalog.pg_proc pr JOIN pg_catalog.pg_type typ ON typ.oid=prorettype JOIN pg_catalog.pg_namespace typns ON typns.oid=typ.typnamespace JOIN pg_catalog.pg_language lng ON lng.oid=prolang WHERE pronamespace = 2200::oid ORDER BY proname
;;
SELECT r.oid, r.*, pg_catalog.shobj_description(r.oid, 'pg_authid') AS description, ARRAY(SELECT CASE WHEN am.admin_option THEN '1' ELSE '0' END || rm.rolname FROM (SELECT * FROM pg_catalog.pg_auth_members WHERE member = r.oid) am LEFT JOIN pg_catalog.pg_roles rm ON (rm.oid = am.roleid) ORDER BY rm.rolname) AS rolmembership,
  (SELECT pg_catalog.array_agg(provider || '=' || label) FROM pg_catalog.pg_shseclabel sl1 WHERE sl1.objoid=r.oid) AS seclabels FROM pg_catalog.pg_roles r ORDER BY r.rolcanlogin, r.rolname
;;
SELECT 'relacl' as deftype, COALESCE(gt.rolname, 'PUBLIC') grantee, g.rolname grantor, pg_catalog.array_agg(b.privilege_type) as privileges, pg_catalog.array_agg(b.is_grantable) as grantable
FROM (SELECT (d).grantee AS grantee, (d).grantor AS grantor, (d).is_grantable AS is_grantable, CASE (d).privilege_type WHEN 'DELETE' THEN 'd' WHEN 'INSERT' THEN 'a' WHEN 'REFERENCES' THEN 'x' WHEN 'SELECT' THEN 'r' WHEN 'TRIGGER' THEN 't' WHEN 'UPDATE' THEN 'w' WHEN 'TRUNCATE' THEN 'D' ELSE 'UNKNOWN' END AS privilege_type
  FROM (SELECT rel.relacl, pg_catalog.aclexplode(rel.relacl) as d FROM pg_catalog.pg_class rel WHERE rel.relkind IN ('r','s','t') AND rel.relnamespace = 2200::oid) a) b
LEFT JOIN pg_catalog.pg_roles g ON (b.grantor = g.oid) LEFT JOIN pg_catalog.pg_roles gt ON (b.grantee = gt.oid) GROUP BY g.rolname, gt.rolname
;;
SELECT ts.oid AS oid, spcname AS name, spcowner as owner, pg_catalog.array_to_string(spcoptions, ',') FROM pg_catalog.pg_tablespace ts ORDER BY name
;;
SELECT 'extension' AS kind, x.oid, pg_catalog.pg_get_userbyid(extowner) AS owner, x.extname AS name, n.nspname AS schema, x.extrelocatable AS relocatable, x.extversion AS version, e.comment FROM pg_catalog.pg_extension x LEFT JOIN pg_catalog.pg_namespace n ON x.extnamespace=n.oid JOIN pg_catalog.pg_available_extensions() e(name, default_version, comment) ON x.extname=e.name ORDER BY x.extname
;;
SELECT lan.oid as oid, lanname, lanpltrusted, lanacl, hp.proname as lanproc, vp.proname as lanval, pg_catalog.pg_get_userbyid(lan.lanowner) as lanowner FROM pg_catalog.pg_language lan JOIN pg_catalog.pg_proc hp ON hp.oid=lanplcallfoid LEFT OUTER JOIN pg_catalog.pg_proc vp ON vp.oid=lanvalidator WHERE lanispl IS TRUE ORDER BY lanname
;;
SELECT ca.oid, pg_catalog.concat(pg_catalog.format_type(st.oid,NULL),'->',pg_catalog.format_type(tt.oid,tt.typtypmod)) as name FROM pg_catalog.pg_cast ca JOIN pg_catalog.pg_type st ON st.oid=castsource JOIN pg_catalog.pg_type tt ON tt.oid=casttarget WHERE ca.oid > 16384::OID ORDER BY st.typname, tt.typname
;;
SELECT at.attname, at.attnum, ty.typname FROM pg_catalog.pg_attribute at LEFT JOIN pg_catalog.pg_type ty ON (ty.oid = at.atttypid) WHERE attrelid='public.hashes'::regclass::oid AND attnum = ANY ((SELECT con.conkey FROM pg_catalog.pg_class rel LEFT OUTER JOIN pg_catalog.pg_constraint con ON con.conrelid=rel.oid AND con.contype='p' WHERE rel.relkind IN ('r','s','t', 'p') AND rel.oid = 'public.hashes'::regclass::oid)::oid[])
;;
SELECT at.attname, ty.typname, at.attnum FROM pg_catalog.pg_attribute at LEFT JOIN pg_catalog.pg_type ty ON (ty.oid = at.atttypid) WHERE attrelid = 'public.rounds'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
;;
-- rows
SELECT nsp.nspname, rel.relname FROM pg_catalog.pg_class rel LEFT JOIN pg_catalog.pg_namespace nsp ON nsp.oid = rel.relnamespace WHERE rel.oid IN ('public.hashes'::regclass, 'public.rounds'::regclass) ORDER BY 2
;;
-- rows
SELECT * FROM public.hashes
ORDER BY receipt ASC LIMIT 2
;;
SELECT oid, pg_catalog.format_type(oid, NULL) AS typname FROM pg_catalog.pg_type WHERE oid IN (17, 25, 1184, 20) ORDER BY oid
;;
SELECT pg_cancel_backend(0)
;;
SELECT tg.tgname, pg_catalog.pg_get_triggerdef(tg.oid, true) FROM pg_catalog.pg_trigger tg WHERE tg.tgrelid = 0
;;
EXPLAIN (FORMAT JSON, ANALYZE FALSE, VERBOSE FALSE, COSTS TRUE, BUFFERS FALSE, TIMING FALSE, SUMMARY FALSE, SETTINGS FALSE, WAL FALSE) SELECT * FROM public.hashes
;;
SELECT c.oid, c.relname as name, relkind, schemaname FROM (SELECT oid, relname, relkind, relnamespace FROM pg_catalog.pg_class) c JOIN (SELECT oid, nspname AS schemaname FROM pg_catalog.pg_namespace) n ON n.oid = c.relnamespace WHERE c.relname ILIKE '%hash%' AND c.relkind = ANY (ARRAY['r','p','v']::"char"[]) ORDER BY 2
