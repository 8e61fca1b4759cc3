# The database, which becomes the container's first process. At the first start it is made, and filled by pgbench.
set -eu
data=/volume/data
if [ ! -d $data ]; then
  rm -rf $data.new
  initdb --pgdata=$data.new --username=shop --auth=trust >/dev/null
  echo 'host all all 198.19.252.0/24 trust' >>$data.new/pg_hba.conf
  cat >>$data.new/postgresql.conf <<'CONF'
unix_socket_directories = '/tmp'
min_wal_size = 32MB
max_wal_size = 64MB
CONF
  pg_ctl --pgdata=$data.new --wait --silent --log=/dev/null --options="-c listen_addresses=''" start
  createdb --host=/tmp --username=shop shop
  pgbench --initialize --quiet --host=/tmp --username=shop shop 2>/dev/null
  pg_ctl --pgdata=$data.new --wait --silent --mode=fast stop
  mv $data.new $data
fi
exec postgres -D $data -c listen_addresses='*'
