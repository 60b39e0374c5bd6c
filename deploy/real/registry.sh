#!/usr/bin/env bash
# A real schema registry on this machine, Apicurio Registry from Maven, which speaks Confluent's REST API. For tests and measurements:
# nothing is installed outside the cache folder, and it listens on loopback.
set -euo pipefail

usage() {
    cat <<'TXT'
usage: registry.sh VERB ...
  install        fetch and unpack the registry with mvn (once)
  installed      exit 0 when it is there, 3 when not
  start [DIR]    start it with its data under DIR; returns when it serves and prints its URL
  run [DIR]      start, print the URL, and when standard input ends kill it and delete DIR: nothing outlives whoever
                 holds the other end
  stop [DIR]     stop it; the data stays
  kill [DIR]     kill -9; the data stays
  status [DIR]   one line; exit 0 when it runs, 3 when it does not
  url [DIR]      print the URL to give to a client
  wipe [DIR]     stop it, then delete DIR
DIR defaults to $UGC_REAL_REGISTRY_DATA, else to $UGC_REAL_DIR/registry-data.

environment:
  UGC_REAL_DIR              working folder               [the user's cache folder/ugc-real]
  UGC_REAL_REGISTRY_PORT    HTTP port at the first start; 0 picks a free one  [18081]
  UGC_REAL_REGISTRY_KAFKA   bootstrap servers: keep the schemas in Kafka, in topics made here through kafka.sh, rather than
                            in a file under DIR  [none]
  UGC_REAL_REGISTRY_RF      replication factor of those topics           [1]
  UGC_REAL_REGISTRY_COMPAT  compatibility level of subjects without one, set at the first start  [BACKWARD]
  UGC_REAL_REGISTRY_HEAP    heap                         [256m]
  UGC_REAL_REGISTRY_WAIT    seconds to wait for it       [90]
TXT
}

# the newest that Java 17 runs: 3.3.x needs Java 21
version=3.0.9
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
real=$(realpath -m -- "${UGC_REAL_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/ugc-real}")
app=$real/registry-app
wait_s=${UGC_REAL_REGISTRY_WAIT:-90}

die() { printf 'registry.sh: %s\n' "$*" >&2; exit 1; }

data_dir() { realpath -m -- "${1:-${UGC_REAL_REGISTRY_DATA:-$real/registry-data}}"; }

# pid_of DIR: print the pid of the registry if it runs; the command line names DIR, so a reused pid is nobody's.
pid_of() {
    local pid
    pid=$(cat "$1/pid" 2>/dev/null) || return 1
    [[ $pid =~ ^[0-9]+$ && -r /proc/$pid/cmdline ]] || return 1
    tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -- "-Dugc.registry.dir=$1" || return 1
    printf '%s\n' "$pid"
}

# gone PID: the process has ended, with all its threads.
gone() {
    local stat field
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    read -r -a field <<<"${stat##*) }"
    [[ ${field[0]} == Z ]] && ((field[17] <= 1))
}

installed() { [[ -f $app/.done && $(<"$app/.done") == "$version" ]]; }

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# locate DIR: the port of the registry in DIR, chosen when DIR was made, and its URL.
locate() {
    local try
    if [[ -f $1/port ]]; then
        port=$(<"$1/port")
    else
        port=${UGC_REAL_REGISTRY_PORT:-18081}
        for ((try = 0; port == 0; try++)); do
            if ((try == 50)); then die 'no free port'; fi
            port=$((15000 + (RANDOM * 32768 + RANDOM) % 17000))
            if port_open "$port"; then port=0; fi
        done
    fi
    url=http://127.0.0.1:$port/apis/ccompat/v7
}

install() {
    if installed; then return; fi
    # one at a time: tests of several packages may all ask for it
    mkdir -p -- "$real"
    exec 9>"$app.lock"
    flock 9
    if installed; then return; fi
    command -v java >/dev/null || die 'java (17 or newer) is not installed'
    command -v mvn >/dev/null || die 'mvn is not installed'
    rm -rf -- "$app.new"
    mkdir -p -- "$app.new"
    # plugin 2.8: newer ones want the parent pom of this artifact, which is not published
    mvn -B -q org.apache.maven.plugins:maven-dependency-plugin:2.8:get -Dtransitive=false \
        "-Dartifact=io.apicurio:apicurio-registry-app:$version:tar.gz:all" "-Ddest=$app.new/all.tar.gz"
    tar -xzf "$app.new/all.tar.gz" -C "$app.new"
    rm -f -- "$app.new/all.tar.gz"
    printf '%s\n' "$version" >"$app.new/.done"
    rm -rf -- "$app"
    mv -- "$app.new" "$app"
    du -sh -- "$app"
}

# topics: the registry would make them with the broker's retention, and lose the schemas when that is over.
topics() {
    local t
    for t in kafkasql-journal kafkasql-snapshots registry-events; do
        "$here/kafka.sh" tool org.apache.kafka.tools.TopicCommand --bootstrap-server "$UGC_REAL_REGISTRY_KAFKA" \
            --create --if-not-exists --topic "$t" --partitions 1 --replication-factor "${UGC_REAL_REGISTRY_RF:-1}" \
            --config cleanup.policy=delete --config retention.ms=-1 --config retention.bytes=-1 >/dev/null
    done
}

start() {
    local dir end jar storage=()
    dir=$(data_dir "${1:-}")
    locate "$dir"
    jar=$(compgen -G "$app/*-runner.jar") || die "no registry in $app: run 'registry.sh install' first"
    if pid_of "$dir" >/dev/null; then
        printf '%s\n' "$url"
        return
    fi
    if port_open "$port"; then die "port $port is taken by another process"; fi
    mkdir -p -- "$dir"
    printf '%s\n' "$port" >"$dir/port"
    if [[ -n ${UGC_REAL_REGISTRY_KAFKA:-} ]]; then
        topics
        storage=(APICURIO_STORAGE_KIND=kafkasql "APICURIO_KAFKASQL_BOOTSTRAP_SERVERS=$UGC_REAL_REGISTRY_KAFKA"
            APICURIO_KAFKASQL_CONSUMER_POLL_TIMEOUT=100)
    else
        storage=(APICURIO_STORAGE_KIND=sql APICURIO_STORAGE_SQL_KIND=h2 "APICURIO_DATASOURCE_URL=jdbc:h2:file:$dir/schemas;WRITE_DELAY=0")
    fi
    (
        cd "$dir"
        exec setsid nohup env "${storage[@]}" QUARKUS_HTTP_HOST=127.0.0.1 "QUARKUS_HTTP_PORT=$port" \
            QUARKUS_HTTP_ACCESS_LOG_ENABLED=false APICURIO_DATASOURCE_JDBC_INITIAL_SIZE=2 \
            APICURIO_DATASOURCE_JDBC_MIN_SIZE=2 APICURIO_DATASOURCE_JDBC_MAX_SIZE=20 \
            java "-Xmx${UGC_REAL_REGISTRY_HEAP:-256m}" -XX:+ExitOnOutOfMemoryError "-Dugc.registry.dir=$dir" \
            -jar "$jar" >out.log 2>&1 </dev/null
    ) &
    printf '%s\n' $! >"$dir/pid"
    disown # its death is no news
    end=$((SECONDS + wait_s))
    # not $url/subjects: that answers while the schemas kept in Kafka are still being read back
    until curl -fsS -o "$dir/probe" "http://127.0.0.1:$port/health/ready" 2>/dev/null; do
        if ((SECONDS >= end)) || gone "$(<"$dir/pid")"; then
            tail -n 20 "$dir/out.log" >&2
            die "the registry did not come up within $wait_s s: see $dir/out.log"
        fi
        sleep 0.1
    done
    # its own default is NONE, Confluent's is BACKWARD; set once, so that a later PUT /config by hand stays
    if [[ ! -f $dir/compat ]]; then
        curl -fsS -o "$dir/probe" -X PUT -H 'Content-Type: application/json' \
            -d "{\"compatibility\":\"${UGC_REAL_REGISTRY_COMPAT:-BACKWARD}\"}" "$url/config"
        printf '%s\n' "${UGC_REAL_REGISTRY_COMPAT:-BACKWARD}" >"$dir/compat"
    fi
    printf '%s\n' "$url"
}

# end DIR SIGNAL WAIT: signal it; after WAIT seconds, kill -9.
end() {
    local dir=$1 pid end=$((SECONDS + $3))
    pid=$(pid_of "$dir") || return 0
    kill "-$2" "$pid"
    until gone "$pid"; do
        if ((SECONDS >= end)); then kill -KILL "$pid" 2>/dev/null || true; fi
        sleep 0.1
    done
    rm -f -- "$dir/pid"
}

# run DIR: hold the registry for as long as somebody holds the other end of standard input.
run() {
    local dir
    dir=$(data_dir "${1:-}")
    # shellcheck disable=SC2064 # the folder is the one of now
    trap "end '$dir' KILL 0; rm -rf -- '$dir'" EXIT
    trap 'exit 1' INT TERM HUP
    trap '' PIPE # whoever listened may be gone, and the servers must end all the same
    start "$dir"
    cat >/dev/null
}

status() {
    local dir pid
    dir=$(data_dir "${1:-}")
    locate "$dir"
    if pid=$(pid_of "$dir"); then
        printf 'registry %s pid %s rss %s MB\n' "$url" "$pid" $(($(awk '/^VmRSS/ {print $2}' "/proc/$pid/status") / 1024))
    else
        printf 'registry %s down\n' "$url"
        return 3
    fi
}

verb=${1:-help}
shift || true
case $verb in
    install) install ;;
    installed) installed || exit 3 ;;
    start) start "$@" ;;
    run) run "$@" ;;
    stop) end "$(data_dir "${1:-}")" TERM 20 ;;
    kill) end "$(data_dir "${1:-}")" KILL 0 ;;
    status) status "$@" ;;
    url) locate "$(data_dir "${1:-}")" && printf '%s\n' "$url" ;;
    wipe)
        dir=$(data_dir "${1:-}")
        if [[ -f $dir/out.log ]]; then
            end "$dir" TERM 20
            rm -rf -- "$dir"
        fi
        ;;
    help | -h | --help) usage ;;
    *)
        usage >&2
        exit 2
        ;;
esac
