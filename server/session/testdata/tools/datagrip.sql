-- After DataGrip and the other IDEs of JetBrains, 2021 to 2024, not recorded: the same relations, functions and forms as they ask, in words of our own.
select L.transactionid::varchar::bigint as transaction_id from pg_catalog.pg_locks L where L.transactionid is not null order by pg_catalog.age(L.transactionid) desc limit 1
;;
select case when pg_catalog.pg_is_in_recovery() then 1 else (pg_catalog.txid_current() % 4294967296)::varchar::bigint end as current_txid
;;
select round(extract(epoch from pg_postmaster_start_time() at time zone 'UTC')) as startup_time
;;
select N.oid::bigint as id, datname as name, D.description, datistemplate as is_template, datallowconn as allow_connections, pg_catalog.pg_get_userbyid(N.datdba) as "owner" from pg_catalog.pg_database N left join pg_catalog.pg_shdescription D on N.oid = D.objoid order by case when datname = pg_catalog.current_database() then -1::bigint else N.oid::bigint end
;;
select N.oid::bigint as id, N.xmin as state_number, nspname as name, D.description, pg_catalog.pg_get_userbyid(N.nspowner) as "owner" from pg_catalog.pg_namespace N left join pg_catalog.pg_description D on N.oid = D.objoid order by case when nspname = pg_catalog.current_schema() then -1::bigint else N.oid::bigint end
;;
select T.relkind as kind, T.relname, T.oid, T.xmin as state, T.reltablespace, T.reloptions, (select pg_catalog.array_agg(inhparent::bigint order by inhseqno)::varchar from pg_catalog.pg_inherits where T.oid = inhrelid) as ancestors from pg_catalog.pg_class T where relnamespace = 2200::oid and relkind in ('r', 'm', 'v', 'f', 'p') and pg_catalog.age(T.xmin) <= coalesce(nullif(greatest(pg_catalog.age('0'::varchar::xid), -1), -1), 2147483647) order by kind, 3
;;
with T as (select distinct T.oid as table_id, T.relname as table_name from pg_catalog.pg_class T, pg_catalog.pg_attribute A where T.relnamespace = 2200::oid and T.relkind in ('r', 'm', 'v', 'f', 'p') and (pg_catalog.age(A.xmin) <= 5 or pg_catalog.age(T.xmin) <= 2147483647) and A.attrelid = T.oid)
select T.table_id, C.attnum as column_position, C.attname as column_name, C.xmin as column_state_number, C.atttypmod as type_mod, C.attndims as dimensions_number, pg_catalog.format_type(C.atttypid, C.atttypmod) as type_spec, C.atttypid as type_id, C.attnotnull as mandatory, pg_catalog.pg_get_expr(D.adbin, T.table_id) as column_default_expression, not C.attislocal as column_is_inherited, C.attfdwoptions as options, C.attisdropped, C.attidentity as identity_kind, C.attgenerated as generated
from T join pg_catalog.pg_attribute C on T.table_id = C.attrelid left join pg_catalog.pg_attrdef D on (C.attrelid, C.attnum) = (D.adrelid, D.adnum) where attnum > 0 order by table_id, attnum
;;
select ind_head.indexrelid index_id, k col_idx, k <= indnkeyatts in_key, ind_head.indkey[k-1] column_position, ind_head.indoption[k-1] column_options, ind_head.indcollation[k-1] as collation, colln.nspname as collation_schema, collname as collation_str, ind_head.indclass[k-1] as opclass, case when opcdefault then null else opcn.nspname end as opclass_schema, case when indexprs is null then null when ind_head.indkey[k-1] = 0 then chr(27) || pg_catalog.pg_get_indexdef(ind_head.indexrelid, k::int, true) else pg_catalog.pg_get_indexdef(ind_head.indexrelid, k::int, true) end as expression, pg_catalog.pg_indexam_has_property(ind_stor.relam, 'can_order') can_order
from (select *, pg_catalog.generate_series(1, array_upper(indkey, 1) + 1) k from pg_catalog.pg_index) ind_head join pg_catalog.pg_class ind_stor on ind_stor.oid = ind_head.indexrelid cross join pg_catalog.unnest(ind_head.indkey) with ordinality u(u, nr) left join pg_catalog.pg_collation on pg_collation.oid = ind_head.indcollation[k-1] left join pg_catalog.pg_namespace colln on collnamespace = colln.oid
left join pg_catalog.pg_am on ind_stor.relam = pg_am.oid left join pg_catalog.pg_opclass on pg_opclass.oid = ind_head.indclass[k-1] left join pg_catalog.pg_namespace opcn on opcnamespace = opcn.oid where ind_stor.relnamespace = 2200::oid and ind_stor.relkind in ('i', 'I') order by index_id, k
;;
select T.oid table_id, relkind table_kind, C.oid::bigint con_id, C.xmin con_state_id, conname con_name, contype con_kind, conkey con_columns, conindid index_id, confrelid ref_table_id, condeferrable is_deferrable, condeferred is_init_deferred, confupdtype on_update, confdeltype on_delete, connoinherit no_inherit, pg_catalog.pg_get_expr(conbin, T.oid) con_expression, confkey ref_columns, conexclop::int[] excl_operators, array(select unnest::regoper::varchar from unnest(conexclop)) excl_operators_str from pg_catalog.pg_constraint C join pg_catalog.pg_class T on C.conrelid = T.oid where relkind in ('r', 'v', 'f', 'p') and relnamespace = 2200::oid and contype in ('p', 'u', 'f', 'c', 'x') and connamespace = 2200::oid
;;
with A as (select oid, proname, pronamespace, proargtypes, proallargtypes, proargmodes, proargnames, prorettype, prokind, proretset, provolatile, xmin from pg_catalog.pg_proc where pronamespace = 2200)
select A.oid as r_id, A.proname as r_name, languages.lanname as lang, A.proargnames as arg_names, A.proargmodes as arg_modes, A.proargtypes::int[] as in_arg_types, A.proallargtypes::int[] as all_arg_types, pg_catalog.pg_get_expr(p.proargdefaults, 0) as arg_defaults, provariadic as arg_variadic_id, A.prorettype as ret_type_id, A.proretset as ret_set, A.prokind as kind, p.proconfig as configuration_parameters, p.procost as cost, pg_catalog.pg_get_userbyid(p.proowner) as "owner" from A join pg_catalog.pg_proc p using (oid) join pg_catalog.pg_language languages on languages.oid = p.prolang
;;
select T.oid as type_id, T.xmin as type_state_number, T.typname as type_name, T.typtype as type_sub_kind, T.typcategory as type_category, T.typrelid as class_id, T.typbasetype as base_type_id, case when T.typtype in ('c','e') then null else pg_catalog.format_type(T.typbasetype, T.typtypmod) end as type_def, T.typndims as dimensions_number, T.typdefault as default_expression, T.typnotnull as mandatory, pg_catalog.pg_get_userbyid(T.typowner) as "owner" from pg_catalog.pg_type T where T.typnamespace = 2200::oid and (T.typtype in ('d','e') or T.typtype = 'c' and T.typname = 'x' or T.typcategory = 'P') order by 1
;;
select D.objoid id, case when 'pg_catalog.pg_class'::pg_catalog.regclass = classoid then (select relkind from pg_catalog.pg_class C where oid = D.objoid and relnamespace = 2200::oid) end as kind, D.objsubid sub_id, D.description from pg_catalog.pg_description D where pg_catalog.age(D.xmin) <= 2147483647 limit 5
;;
select T.oid as object_id, T.relacl as acl from pg_catalog.pg_class T where relnamespace = 2200::oid and relkind in ('r', 'm', 'v', 'f', 'p') order by object_id
;;
select R.oid::bigint as role_id, rolname as role_name, rolsuper as is_super, rolinherit as is_inherit, rolconnlimit as conn_limit, rolvaliduntil as valid_until, rolbypassrls as bypass_rls, rolconfig as config, D.description from pg_catalog.pg_roles R left join pg_catalog.pg_shdescription D on D.objoid = R.oid
;;
select collname, xmin, collcollate, pg_catalog.pg_get_userbyid(collowner) from pg_catalog.pg_collation where collnamespace = 11 order by 1 limit 1
;;
select name, is_dst from pg_catalog.pg_timezone_names union distinct select abbrev as name, is_dst from pg_catalog.pg_timezone_abbrevs
;;
select oid as id, srvname, srvfdw from pg_catalog.pg_foreign_server
;;
SELECT t.* FROM public.hashes t LIMIT 501
;;
select t.ctid, t.* from public.hashes t limit 501
;;
set session characteristics as transaction read write
;;
SHOW TRANSACTION ISOLATION LEVEL
;;
SET application_name = 'DataGrip 2024.3'
;;
-- rows
select age('2'::xid), age('0'::varchar::xid), '5'::xid = 5, txid_current() = txid_current(), txid_current() > 0
