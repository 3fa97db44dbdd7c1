-- After DBeaver 21 to 25, not recorded: the same relations, functions and forms as it asks, in words of our own.
SET extra_float_digits = 3
;;
SET application_name = 'DBeaver 25.1.0 - Main <jurat>'
;;
-- rows
SHOW search_path
;;
SELECT current_schema(),session_user
;;
SELECT n.oid,n.*,d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=n.oid AND d.objsubid=0 AND d.classoid='pg_namespace'::regclass ORDER BY nspname
;;
SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE 1=1 AND datallowconn AND NOT datistemplate ORDER BY db.datname
;;
-- params: jurat
SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE datname=$1
;;
SELECT t.oid,t.*,c.relkind,format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name, d.description FROM pg_catalog.pg_type t
LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid=t.typelem LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid=t.typrelid LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid=d.objoid
WHERE t.typname IS NOT NULL AND (c.relkind IS NULL OR c.relkind = 'c') AND (et.typcategory IS NULL OR et.typcategory <> 'C')
;;
-- params: 1184
SELECT t.oid,t.*,c.relkind,format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name FROM pg_catalog.pg_type t LEFT OUTER JOIN pg_class c ON c.oid=t.typrelid WHERE t.oid=$1
;;
select * from pg_catalog.pg_settings where name='standard_conforming_strings'
;;
-- rows
select string_agg(word, ',' order by word) from pg_catalog.pg_get_keywords() where word <> ALL ('{a,abs,absolute,action}'::text[]) and catcode = 'R'
;;
SELECT version()
;;
-- rows
SELECT 1 FROM pg_catalog.pg_attribute WHERE attrelid = 'pg_catalog.pg_type'::regclass AND attname = 'typcategory'
;;
-- params: 2200
SELECT c.oid,c.*,d.description,pg_catalog.pg_get_expr(c.relpartbound, c.oid) as partition_expr, pg_catalog.pg_get_partkeydef(c.oid) as partition_key
FROM pg_catalog.pg_class c LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_class'::regclass
WHERE c.relnamespace=$1 AND c.relkind not in ('i','I','c')
;;
-- params: 2200
SELECT c.oid,c.*,d.description,(select array_agg(i.inhparent) from pg_catalog.pg_inherits i where i.inhrelid = c.oid) parents FROM pg_catalog.pg_class c
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 WHERE c.relnamespace=$1 AND c.relkind not in ('i','c') AND relname='hashes'
;;
-- params: 2200
SELECT c.relname,a.*,pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) as def_value,dsc.description,dep.objid
FROM pg_catalog.pg_attribute a INNER JOIN pg_catalog.pg_class c ON (a.attrelid=c.oid)
LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid=ad.adrelid AND a.attnum = ad.adnum)
LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid)
LEFT OUTER JOIN pg_depend dep on dep.refobjid = a.attrelid AND dep.deptype = 'i' and dep.refobjsubid = a.attnum and dep.classid = dep.refclassid
WHERE NOT a.attisdropped AND c.relkind not in ('i','I','c') AND c.relnamespace=$1 ORDER BY a.attnum
;;
-- params: 2200
SELECT c.oid,c.*,t.relname as tabrelname,rt.relnamespace as refnamespace,d.description, case when c.contype='c' then "substring"(pg_get_constraintdef(c.oid), 7) else null end consrc_copy
FROM pg_catalog.pg_constraint c INNER JOIN pg_catalog.pg_class t ON t.oid=c.conrelid LEFT OUTER JOIN pg_catalog.pg_class rt ON rt.oid=c.confrelid
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_constraint'::regclass
WHERE t.relnamespace=$1 ORDER BY c.oid
;;
-- params: 2200
SELECT i.*,i.indkey as keys,c.relname,c.relnamespace,c.relam,c.reltablespace,tc.relname as tabrelname,dsc.description,pg_catalog.pg_get_expr(i.indpred, i.indrelid) as pred_expr,
pg_catalog.pg_get_expr(i.indexprs, i.indrelid, true) as expr,pg_catalog.pg_relation_size(i.indexrelid) as index_rel_size,pg_catalog.pg_stat_get_numscans(i.indexrelid) as index_num_scans
FROM pg_catalog.pg_index i INNER JOIN pg_catalog.pg_class c ON c.oid=i.indexrelid INNER JOIN pg_catalog.pg_class tc ON tc.oid=i.indrelid
LEFT OUTER JOIN pg_catalog.pg_description dsc ON i.indexrelid=dsc.objoid WHERE c.relnamespace=$1 ORDER BY tabrelname, c.relname
;;
-- params: 2200
SELECT p.oid as poid,p.*,pg_catalog.pg_get_expr(p.proargdefaults, 0) as arg_defaults,d.description,pg_catalog.pg_get_function_identity_arguments(p.oid) as iargs
FROM pg_catalog.pg_proc p LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=p.oid AND d.objsubid = 0 WHERE p.pronamespace=$1 ORDER BY p.proname
;;
SELECT pg_catalog.pg_get_functiondef(p.oid) FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public' AND p.prokind = 'f'
;;
-- params: 2200
SELECT c.oid,c.* FROM pg_catalog.pg_collation c WHERE c.collnamespace=$1 ORDER BY c.oid
;;
-- params: 2200
SELECT oid,* FROM pg_catalog.pg_event_trigger WHERE $1 > 0
;;
SELECT x.oid,x.*,pg_catalog.pg_get_triggerdef(x.oid) FROM pg_catalog.pg_trigger x WHERE NOT x.tgisinternal AND x.tgrelid = 'public.hashes'::regclass
;;
SELECT r.oid,r.*, pg_catalog.pg_get_ruledef(r.oid) AS definition FROM pg_catalog.pg_rewrite r WHERE r.ev_class = 'public.hashes'::regclass
;;
SELECT pol.*, pg_catalog.pg_get_expr(pol.polqual, pol.polrelid) FROM pg_catalog.pg_policy pol
;;
SELECT a.oid,a.*,pd.description FROM pg_catalog.pg_roles a LEFT JOIN pg_catalog.pg_shdescription pd ON a.oid = pd.objoid ORDER BY a.rolname
;;
SELECT am.*, r.rolname FROM pg_catalog.pg_auth_members am JOIN pg_catalog.pg_roles r ON r.oid = am.member WHERE am.roleid = 10
;;
SELECT x.*, pg_get_userbyid(x.setrole) FROM pg_catalog.pg_db_role_setting x
;;
SELECT am.oid,am.* FROM pg_catalog.pg_am am ORDER BY am.oid
;;
SELECT c.contoencoding as encid, pg_catalog.pg_encoding_to_char(c.contoencoding) as encname FROM pg_catalog.pg_conversion c GROUP BY c.contoencoding ORDER BY 2
;;
SELECT l.oid,l.* FROM pg_catalog.pg_language l ORDER BY l.oid
;;
SELECT l.oid,l.*,p.pronamespace as handler_schema_id FROM pg_catalog.pg_foreign_data_wrapper l LEFT OUTER JOIN pg_catalog.pg_proc p ON p.oid=l.fdwhandler ORDER BY l.fdwname
;;
SELECT l.oid,l.* FROM pg_catalog.pg_foreign_server l ORDER BY l.srvname
;;
SELECT t.oid,t.*, pg_catalog.pg_tablespace_location(t.oid) loc FROM pg_catalog.pg_tablespace t ORDER BY t.oid
;;
SELECT e.oid,e.extname,n.nspname as schema_name,e.* FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname <> 'plpgsql' ORDER BY e.oid
;;
SELECT name, installed_version, comment FROM pg_catalog.pg_available_extensions ORDER BY name
;;
SELECT e.*, e.enumlabel FROM pg_catalog.pg_enum e WHERE e.enumtypid = 16 ORDER BY e.enumsortorder
;;
-- rows
SELECT relname, relkind FROM pg_catalog.pg_class WHERE relnamespace = 2200 AND relkind IN ('v', 'm', 'S') ORDER BY 1
;;
SELECT count(*)::int4 > 0, coalesce(sum(pg_catalog.pg_total_relation_size(c.oid)), -1) FROM pg_catalog.pg_class c WHERE c.relnamespace = 2200
;;
SELECT pg_catalog.pg_total_relation_size('public.hashes'::regclass) as total_rel_size, pg_catalog.pg_relation_size('public.hashes'::regclass) as rel_size, (select reltuples from pg_class where oid = 'public.hashes'::regclass)
;;
SELECT DISTINCT dep.deptype, dep.classid, dep.objid, cl.relkind, attr.attname,pg_get_expr(ad.adbin, ad.adrelid) adefval,
  CASE WHEN cl.relkind IS NOT NULL THEN cl.relkind || COALESCE(dep.objsubid::text, '') WHEN tg.oid IS NOT NULL THEN 'T'::text WHEN ty.oid IS NOT NULL THEN 'y'::text WHEN ns.oid IS NOT NULL THEN 'n'::text WHEN pr.oid IS NOT NULL THEN 'p'::text
       WHEN la.oid IS NOT NULL THEN 'l'::text WHEN rw.oid IS NOT NULL THEN 'R'::text WHEN co.oid IS NOT NULL THEN 'C'::text || contype WHEN ad.oid IS NOT NULL THEN 'A'::text ELSE '' END AS type,
  COALESCE(coc.relname, clrw.relname, tgr.relname) AS ownertable, COALESCE(cl.relname || CASE WHEN attr.attname IS NULL THEN '' ELSE '.' || attr.attname END, conname, proname, tgname, typname, lanname, rulename, ns.nspname) AS refname
FROM pg_depend dep LEFT JOIN pg_class cl ON dep.objid=cl.oid LEFT JOIN pg_attribute attr ON dep.objid=attr.attrelid AND dep.objsubid=attr.attnum LEFT JOIN pg_namespace nsc ON cl.relnamespace=nsc.oid
LEFT JOIN pg_proc pr ON dep.objid=pr.oid LEFT JOIN pg_trigger tg ON dep.objid=tg.oid LEFT JOIN pg_type ty on dep.objid=ty.oid LEFT JOIN pg_constraint co ON dep.objid=co.oid LEFT JOIN pg_class coc ON co.conrelid=coc.oid LEFT JOIN pg_class tgr ON tg.tgrelid=tgr.oid
LEFT JOIN pg_rewrite rw ON dep.objid=rw.oid LEFT JOIN pg_class clrw ON clrw.oid=rw.ev_class LEFT JOIN pg_language la ON dep.objid=la.oid LEFT JOIN pg_namespace ns ON dep.objid=ns.oid LEFT JOIN pg_attrdef ad ON ad.oid=dep.objid
WHERE dep.refobjid='public.hashes'::regclass ORDER BY type
;;
SELECT x.oid,x.relname FROM pg_catalog.pg_class x WHERE x.relkind in('r','v','m','f') AND (x.relname ILIKE '%HASH%') AND x.relnamespace IN (2200) ORDER BY x.relname LIMIT 100
;;
SELECT x.attname, c.relname FROM pg_catalog.pg_attribute x, pg_catalog.pg_class c WHERE c.oid=x.attrelid AND x.attname ~* 'dig' AND c.relnamespace = ANY(ARRAY[2200]::oid[]) ORDER BY x.attname LIMIT 100
;;
SELECT sa.* FROM pg_catalog.pg_stat_activity sa
;;
SELECT pg_catalog.pg_blocking_pids(sa.pid), bl.locktype, bl.mode FROM pg_catalog.pg_locks bl JOIN pg_catalog.pg_stat_activity sa ON sa.pid = bl.pid WHERE NOT bl.granted
;;
select c.relname, relacl, pg_catalog.array_to_string(relacl, ','), (aclexplode(c.relacl)).privilege_type from pg_catalog.pg_class c where c.relnamespace = 2200 and c.relkind = 'r'
;;
-- rows
SELECT table_name, privilege_type FROM information_schema.table_privileges WHERE table_schema = 'public' AND table_name = 'nosuch' AND grantee = current_user
;;
-- rows
select h.* from public.hashes h where h.lane = 'main' order by h.receipt limit 3
;;
-- rows
SELECT count(*) FROM (select * from public.hashes) dbvrcnt
;;
-- rows
SELECT lane,count(*) FROM public.hashes GROUP BY lane ORDER BY lane
;;
BEGIN ISOLATION LEVEL READ COMMITTED
;;
SELECT txid_current_if_assigned()
;;
ROLLBACK
;;
EXPLAIN (FORMAT XML, VERBOSE) SELECT * FROM public.hashes
;;
EXPLAIN (FORMAT JSON) SELECT * FROM public.hashes
