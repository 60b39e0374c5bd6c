#!/usr/bin/env bash
# A real engine behind the MongoDB wire protocol for ugc's tests and benchmarks, where no mongod can be had:
# FerretDB v2 (a Go module) over PostgreSQL with the DocumentDB extension (Debian packages of a newer suite,
# unpacked beside the system and run by their own loader: no chroot, no namespaces, no container, nothing installed).
#
#   mongo.sh install            download, unpack, build (skipped when already done)
#   mongo.sh installed          exit 0 when it is installed, 3 when not
#   mongo.sh start [DIR]        start both processes with their data under DIR, wait until they answer, print the URI
#   mongo.sh run [DIR]          start, and when standard input ends kill both and delete DIR: nothing outlives whoever holds the other end
#   mongo.sh stop [DIR]         clean shutdown; the data stay
#   mongo.sh kill WHO [DIR]     kill -9: all, postgres (what stores) or ferretdb (what speaks the protocol); start brings it back
#   mongo.sh status [DIR]       pids, versions and the URI; exit 3 when it is not up
# DIR defaults to $UGC_REAL_MONGO_DATA, else to $UGC_REAL_DIR/mongo/data.
#
# It is no MongoDB: README.md beside this file says in what it differs.
#
# Environment, with its defaults:
#   UGC_REAL_DIR              the user's cache folder/ugc-real   programs and packages
#   UGC_REAL_MONGO_PORT       27517                      MongoDB port on 127.0.0.1; 0 picks a free one. What DIR was made with stays
#   UGC_REAL_MONGO_USER       ugc                        created at the first start
#   UGC_REAL_MONGO_PASSWORD   ugc-secret
#   UGC_REAL_MONGO_BUFFERS    256MB                      shared_buffers
#   UGC_REAL_MONGO_LOG        WARN                       FerretDB's log level
#   UGC_REAL_MONGO_TLS_CERT, UGC_REAL_MONGO_TLS_KEY      PEM files: also listen with TLS on the port above it
#   UGC_REAL_RUN_AS           nobody                     whom root runs the processes as (PostgreSQL refuses root)
#   UGC_REAL_DEBIAN_MIRROR    the mirror apt uses        where the packages come from
#   UGC_REAL_DEBIAN_SUITES    forky sid                  the suites to look in, one after the other
set -euo pipefail

ferretdb_version=v2.7.0
pg=18
# What the engine loads. The libraries that these need are found in the packages' own dependencies.
packages=(
  "postgresql-$pg" "postgresql-client-$pg" "postgresql-$pg-documentdb" "postgresql-$pg-rum" "postgresql-$pg-cron"
  "postgresql-$pg-pgvector" "postgresql-$pg-postgis-3" "postgresql-$pg-postgis-3-scripts"
)
# Dependencies of PostGIS's raster and 3D parts, and of maintainer scripts, that are never loaded.
unneeded='^(libgdal|libsfcgal|libperl|libc-)'

base=$(realpath -m "${UGC_REAL_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/ugc-real}/mongo")
user=${UGC_REAL_MONGO_USER:-ugc}
password=${UGC_REAL_MONGO_PASSWORD:-ugc-secret}
run_as=${UGC_REAL_RUN_AS:-nobody}
root=$base/root
bin=$root/usr/lib/postgresql/$pg/bin
program=$base/bin/ferretdb-$ferretdb_version

# One command at a time per directory: tests of several packages may all start the same instance.
lock() {
  mkdir -p "$1"
  exec 9>"$1/lock"
  flock 9
}

# The place of an instance: everything of it lies there, the port that it was made with too.
place() { # [DIR]
  data=$(realpath -m -- "${1:-${UGC_REAL_MONGO_DATA:-$base/data}}")
  port=$(cat "$data/port" 2>/dev/null) || port=${UGC_REAL_MONGO_PORT:-27517}
}
uri() { echo "mongodb://$user:$password@127.0.0.1:$port/?directConnection=true"; }

taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

prepare_port() {
  if [ "$port" = 0 ]; then
    port=$((20000 + RANDOM % 10000)) # below the ports that the system gives out itself
    while taken "$port"; do port=$((port + 1)); done
  fi
  echo "$port" >"$data/port"
}

say() { printf 'mongo: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# --- install ---------------------------------------------------------------------------------------------------------

# apt with its own state, so that the machine's sources and packages stay as they are.
own_apt() { local tool=$1; shift; "apt-$tool" -qq -c "$base/apt/apt.conf" "$@"; }

debian_mirror() {
  # shellcheck disable=SC2016 # $(REPO_URI) is apt's
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -E '/debian/?$' | head -n 1
}

prepare_apt() { # SUITE
  local mirror=${UGC_REAL_DEBIAN_MIRROR:-$(debian_mirror)} keyring='' file
  [ -n "$mirror" ] || die 'apt has no Debian mirror here: set UGC_REAL_DEBIAN_MIRROR'
  for file in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
    [ -r "$file" ] && keyring=$file && break
  done
  [ -n "$keyring" ] || die 'no Debian archive keyring: install debian-archive-keyring'
  mkdir -p "$base"/apt/state/lists/partial "$base"/apt/cache/archives/partial "$base"/apt/etc "$base/debs"
  : >"$base/apt/status"
  echo "deb [signed-by=$keyring] $mirror $1 main" >"$base/apt/etc/sources.list"
  cat >"$base/apt/apt.conf" <<CONF
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
Dir::State "$base/apt/state";
Dir::State::status "$base/apt/status";
Dir::Cache "$base/apt/cache";
Dir::Etc::sourcelist "$base/apt/etc/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::CNF::DefaultEnabled "false";
Acquire::Languages "none";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Retries "3";
CONF
  own_apt get update
}

# The packages to unpack: those named above and, through their dependencies, the libraries.
closure() {
  own_apt get -s -y install "postgresql-$pg-documentdb" 2>/dev/null | awk '/^Inst/ {print $2}' >"$base/apt/resolved"
  [ -s "$base/apt/resolved" ] || return 0
  own_apt cache depends --recurse --no-recommends --no-suggests --no-enhances --no-conflicts --no-breaks --no-replaces \
    "${packages[@]}" |
    awk -v start="${packages[*]}" -v unneeded="$unneeded" '
      FNR == NR { resolved[$1] = 1; next }
      /^[^ ]/ { from = $1; next }
      /Depends:/ && $NF in resolved && $NF ~ /^lib/ && $NF !~ unneeded { needs[from] = needs[from] " " $NF }
      END {
        n = split(start, queue, " ")
        for (i = 1; i <= n; i++) seen[queue[i]] = 1
        for (i = 1; i <= n; i++) {
          print queue[i]
          k = split(needs[queue[i]], next_ones, " ")
          for (j = 1; j <= k; j++) if (!(next_ones[j] in seen)) { seen[next_ones[j]] = 1; queue[++n] = next_ones[j] }
        }
      }' "$base/apt/resolved" -
}

unpack() {
  local tmp=$base/root.new deb unwanted=(
    --exclude=./etc --exclude=./var --exclude=./usr/share/{doc,man,locale,lintian} --exclude='*/bitcode'
    --exclude='*--ANY*' --exclude='*--unpackaged--*' --exclude='*/postgis_*' --exclude='*/contrib/postgis-*'
  )
  rm -rf "$tmp" && mkdir -p "$tmp"
  for deb in "$base"/debs/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$tmp" --no-same-owner --keep-directory-symlink "${unwanted[@]}"
  done
  # What Debian's maintainer script does with update-alternatives.
  cp "$tmp/usr/share/postgresql/$pg/extension"/postgis{-3,}.control
  # initdb runs "postgres" beside itself: let that be a script that goes through the loader.
  mv "$tmp/usr/lib/postgresql/$pg/bin/postgres" "$tmp/usr/lib/postgresql/$pg/bin/postgres.elf"
  cat >"$tmp/usr/lib/postgresql/$pg/bin/postgres" <<'SH'
#!/bin/sh
here=${0%/*}
for loader in "$here"/../../../*/ld-linux-*.so.*; do :; done
exec "$loader" --library-path "${loader%/*}:$here/../lib" --argv0 "$here/postgres" "$here/postgres.elf" "$@"
SH
  chmod 755 "$tmp/usr/lib/postgresql/$pg/bin/postgres"
  rm -rf "$root" && mv "$tmp" "$root"
}

# Every library of every object that the engine loads must be there.
check_root() {
  local object missing=''
  for object in "$bin"/postgres.elf "$bin"/initdb "$bin"/psql "$root/usr/lib/postgresql/$pg/lib"/*.so; do
    if "$(loader)" --library-path "$(libraries)" --list "$object" 2>&1 | grep -q 'not found'; then
      missing+=" ${object##*/}"
    fi
  done
  [ -z "$missing" ] || say "libraries are missing for:$missing"
  [[ $missing != *postgres.elf* && $missing != *pg_documentdb.so* && $missing != *postgis-3.so* ]]
}

installed() { [ -e "$root/.complete" ] && [ -x "$program" ]; }

install() {
  if installed; then
    say "already installed in $base"
    return
  fi
  local tool suite names=()
  for tool in apt-get apt-cache dpkg-deb tar awk go; do
    command -v "$tool" >/dev/null || die "$tool is needed to install"
  done
  lock "$base"
  mkdir -p "$base/bin"
  if [ ! -e "$root/.complete" ]; then
    for suite in ${UGC_REAL_DEBIAN_SUITES:-forky sid}; do
      prepare_apt "$suite" || continue
      mapfile -t names < <(closure)
      [ "${#names[@]}" -eq 0 ] || break
    done
    [ "${#names[@]}" -gt 0 ] || die "no suite holds postgresql-$pg-documentdb"
    rm -f "$base"/debs/*.deb
    say "downloading ${#names[@]} packages of $suite"
    (cd "$base/debs" && own_apt get download "${names[@]}")
    unpack
    check_root || die 'the unpacked engine lacks libraries'
    (cd "$base/debs" && printf '%s\n' *.deb) >"$root/.complete"
    rm -rf "$base/debs" "$base/apt"
  fi
  if [ ! -x "$program" ]; then
    say "building FerretDB $ferretdb_version"
    (cd "$base" && GOBIN=$base/bin GOFLAGS='' GOWORK=off CGO_ENABLED=0 go install -trimpath -ldflags='-s -w' \
      "github.com/FerretDB/FerretDB/v2/cmd/ferretdb@$ferretdb_version")
    mv "$base/bin/ferretdb" "$program"
  fi
  say "installed in $base"
}

# --- run -------------------------------------------------------------------------------------------------------------

loader() { local file; for file in "$root"/usr/lib/*/ld-linux-*.so.*; do echo "$file"; done; }
libraries() { local file; file=$(loader); echo "${file%/*}:$root/usr/lib/postgresql/$pg/lib"; }

# The words that start a command as an unprivileged user and with a clean environment. Where that user may not reach
# the directory (a home of mode 700), the command keeps the one capability that lets it, and nothing else of root's;
# no_setuid_fixup makes access(2) honour it.
clean=()
prepare_clean() {
  if [ "$(id -u)" = 0 ]; then
    clean=(setpriv --reuid="$run_as" --regid="$(id -g "$run_as")" --clear-groups)
    if ! "${clean[@]}" test -r "$root/." -a -r "$data/."; then
      clean+=('--inh-caps=-all,+dac_override' '--ambient-caps=-all,+dac_override' '--securebits=+no_setuid_fixup')
    fi
  fi
  clean+=(env -i PATH=/usr/bin:/bin HOME=/ LC_ALL=C TZ=UTC)
}

pg_tool() {
  "${clean[@]}" "$(loader)" --library-path "$(libraries)" --argv0 "$bin/$1" "$bin/$1" "${@:2}"
}
sql() { pg_tool psql -X -q -t -A -v ON_ERROR_STOP=1 -h "$(sockets)" -U postgres -d postgres "$@"; }

# A socket's path may not be longer than 107 bytes.
sockets() { cat "$data/sockets"; }
prepare_sockets() {
  [ -e "$data/sockets" ] && [ -d "$(sockets)" ] && return
  local dir=$data/run
  if [ "${#dir}" -gt 80 ]; then dir=$(mktemp -d "${TMPDIR:-/tmp}/ugc-mongo.XXXXXX"); else mkdir -p "$dir"; fi
  chmod 700 "$dir" && own "$dir" && echo "$dir" >"$data/sockets"
}

remove_sockets() { [ ! -e "$data/sockets" ] || rm -rf "$(sockets)"; }

own() { if [ "$(id -u)" = 0 ]; then chown "$run_as" "$@"; fi; }

# A killed process may stay behind as a zombie for a while where pid 1 is slow to reap: that is not running.
running() { [ -r "/proc/$1/status" ] && ! grep -q '^State:.*Z' "/proc/$1/status"; }

# The pid in a file, if it is still that of the process started for this data directory.
alive() {
  local pid
  pid=$(cat "$data/$1.pid" 2>/dev/null) && [ -n "$pid" ] && running "$pid" &&
    tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -- "$data/" && echo "$pid"
}
gone() { ! alive "$1" >/dev/null; }

until_gone() {
  local deadline=$((SECONDS + 120))
  until gone "$1"; do
    [ "$SECONDS" -lt "$deadline" ] || die "$1 does not end"
    sleep 0.1
  done
}

until_answers() { # NAME COMMAND...
  local name=$1 deadline=$((SECONDS + 120))
  shift
  until "$@" >/dev/null 2>&1; do
    sleep 0.1
    if [ "$SECONDS" -ge "$deadline" ] || ! running "$(cat "$data/$name.pid")"; then
      die "$name does not answer: see $data/$name.log"
    fi
  done
}

create_cluster() {
  rm -rf "$data/pg"
  pg_tool initdb -D "$data/pg" -U postgres -E UTF8 --locale=C --auth=trust --no-instructions >"$data/initdb.log" 2>&1 ||
    die "initdb failed: $(tail -n 3 "$data/initdb.log")"
  printf "include '%s/ugc.conf'\n" "$data" >>"$data/pg/postgresql.conf"
}

# Written at every start, so that the settings may change between two of them.
configure() {
  cat >"$data/ugc.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$(sockets)'
unix_socket_permissions = 0700
shared_preload_libraries = 'pg_cron,pg_documentdb_core,pg_documentdb,pg_documentdb_extended_rum'
documentdb.alternate_index_handler_name = 'extended_rum'
shared_buffers = ${UGC_REAL_MONGO_BUFFERS:-256MB}
max_wal_size = 2GB
max_worker_processes = 20
# As MongoDB: one thread per query.
max_parallel_workers_per_gather = 0
random_page_cost = 1.1
jit = off
# A bulk write is one transaction here, so two of them can deadlock where MongoDB's cannot: find it soon.
deadlock_timeout = 100ms
documentdb.localhost_connection_string = 'host=$(sockets)'
cron.database_name = 'postgres'
cron.use_background_workers = on
cron.log_run = off
cron.log_statement = off
CONF
  own "$data/ugc.conf"
}

start_postgres() {
  local lock
  # PostgreSQL takes the zombie of a killed server for a running one. It has a second check, by shared memory.
  for lock in "$data/pg/postmaster.pid" "$(sockets)/.s.PGSQL.5432.lock"; do
    if [ -s "$lock" ] && ! running "$(head -n 1 "$lock")"; then rm "$lock"; fi
  done
  [ -s "$data/pg/global/pg_control" ] || create_cluster
  configure
  "${clean[@]}" setsid "$bin/postgres" -D "$data/pg" >>"$data/postgres.log" 2>&1 </dev/null 9>&- &
  echo $! >"$data/postgres.pid"
}

prepare_database() {
  sql -c 'SET client_min_messages = error' -c 'CREATE EXTENSION IF NOT EXISTS documentdb CASCADE' \
    -c 'CREATE EXTENSION IF NOT EXISTS documentdb_extended_rum'
  # Only background index builds use these, and FerretDB builds in the foreground; they would wake every 2 s.
  sql -c "SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname LIKE 'documentdb_index_build_task%'" >/dev/null
  if [ -z "$(sql -c "SELECT 1 FROM pg_roles WHERE rolname = '$user'")" ]; then
    sql >/dev/null <<SQL
SELECT documentdb_api.create_user('{"createUser": "$user", "pwd": "$password", "roles": [
  {"role": "clusterAdmin", "db": "admin"}, {"role": "readWriteAnyDatabase", "db": "admin"}]}');
SQL
  fi
}

# Its settings go by the environment, so that "ping" gets the same ones. Telemetry is off.
ferretdb_settings() {
  settings=(DO_NOT_TRACK=1 FERRETDB_TELEMETRY=disable "FERRETDB_LOG_LEVEL=${UGC_REAL_MONGO_LOG:-WARN}"
    "FERRETDB_STATE_DIR=$data/ferretdb" FERRETDB_DEBUG_ADDR=- "FERRETDB_LISTEN_ADDR=127.0.0.1:$port"
    "FERRETDB_POSTGRESQL_URL=postgres://postgres@/postgres?host=$(sockets)")
  if [ -n "${UGC_REAL_MONGO_TLS_CERT:-}" ]; then
    settings+=("FERRETDB_LISTEN_TLS=127.0.0.1:$((port + 1))" "FERRETDB_LISTEN_TLS_CERT_FILE=$UGC_REAL_MONGO_TLS_CERT"
      "FERRETDB_LISTEN_TLS_KEY_FILE=$UGC_REAL_MONGO_TLS_KEY")
  fi
}

start_ferretdb() {
  local settings
  ferretdb_settings
  mkdir -p "$data/ferretdb" && own "$data/ferretdb"
  "${clean[@]}" "${settings[@]}" setsid "$program" --state-dir="$data/ferretdb" \
    >>"$data/ferretdb.log" 2>&1 </dev/null 9>&- &
  echo $! >"$data/ferretdb.pid"
  until_answers ferretdb "${clean[@]}" "${settings[@]}" "$program" ping
}

start() {
  installed || die 'not installed: run install first'
  [[ $user$password =~ ^[A-Za-z0-9._~-]+$ ]] || die 'user and password may hold letters, digits and ._~- only'
  lock "$data"
  prepare_port
  if gone ferretdb && taken "$port"; then die "port $port is taken"; fi
  own "$data"
  prepare_clean
  prepare_sockets
  alive postgres >/dev/null || start_postgres
  until_answers postgres sql -c 'SELECT 1'
  prepare_database
  alive ferretdb >/dev/null || start_ferretdb
  uri
}

end() { # NAME SIGNAL
  local pid
  pid=$(alive "$1") || return 0
  kill "-$2" "$pid"
  until_gone "$1"
}

stop() {
  lock "$data"
  end ferretdb TERM
  end postgres INT
  remove_sockets
}

# A crash: the server and its workers die at once, none of them gets to write anything more.
crash() {
  local who=$1 pid pids=() workers
  lock "$data"
  case $who in all | postgres | ferretdb) ;; *) die "kill all, postgres or ferretdb, not $who" ;; esac
  if [ "$who" != postgres ] && pid=$(alive ferretdb); then pids+=("$pid"); fi
  if [ "$who" != ferretdb ] && pid=$(alive postgres); then
    read -ra workers <<<"$(cat "/proc/$pid/task/$pid/children")"
    pids+=("$pid" "${workers[@]}")
  fi
  [ "${#pids[@]}" -eq 0 ] || kill -KILL "${pids[@]}" 2>/dev/null || true
  if [ "$who" != postgres ]; then until_gone ferretdb; fi
  if [ "$who" != ferretdb ]; then until_gone postgres; fi
}

# Lives as long as somebody holds the other end of standard input. read, unlike a command, lets signals through.
run() {
  trap 'exit 143' TERM
  trap 'exit 130' INT
  trap discard EXIT
  start
  exec 9>&-
  while read -r; do :; done
}

discard() {
  crash all
  remove_sockets
  rm -rf -- "$data"
}

status() {
  local postgres='' ferretdb=''
  postgres=$(alive postgres) || true
  ferretdb=$(alive ferretdb) || true
  say "postgres ${postgres:-down}, ferretdb ${ferretdb:-down} ($ferretdb_version), data in $data"
  ! installed || say "$(grep -E "^postgresql-$pg(-documentdb)?_" "$root/.complete" | tr '\n' ' ')"
  [ -n "$postgres" ] && [ -n "$ferretdb" ] || exit 3
  uri
}

case ${1:-} in
  install) install ;;
  installed) installed || exit 3 ;;
  start | run | stop | status) place "${2:-}" && "$1" ;;
  kill) place "${3:-}" && crash "${2:-all}" ;;
  *) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac
