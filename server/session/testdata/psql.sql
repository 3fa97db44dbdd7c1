\conninfo
\d
\d hashes
\d+ rounds
\d hashes_receipt
\d nosuch
\dt+
\dt pg_catalog.pg_am
\di
\dn+
\df
\df pg_catalog.pg_get_expr
\sf publish(timestamptz)
\du
\l
\dp
\dT+ timestamptz
\dx
\dv
\dv information_schema.tables
\ds
\dA
\db
\dL
\dO
\dC bool
\do ~
\da pg_catalog.count
\dd
\dc
\dD
\ddp
\des
\dew
\dF
\dm
\drds
\dRp
\dRs
\dy
\dX
\dP
\dAc
\dconfig work_mem
\dl
\d pg_index
\d information_schema.key_column_usage
SELECT * FROM hashes \gdesc
SELECT 1 AS a, now() AS b \gdesc
SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'roles' ORDER BY ordinal_position;
SELECT constraint_name, table_name, column_name FROM information_schema.key_column_usage ORDER BY 1;
SELECT grantee, privilege_type FROM information_schema.table_privileges WHERE table_name = 'hashes' ORDER BY 1, 2;
\c - alpha
\du
\dp hashes
SELECT usename FROM pg_stat_activity;
