#!/usr/bin/env bash
# A real Apache Kafka on this machine, from Maven jars, in KRaft mode: 1 or 3 nodes, each broker and controller. For tests and
# measurements: nothing is installed outside the cache folder, everything listens on loopback.
set -euo pipefail

usage() {
    cat <<'TXT'
usage: kafka.sh VERB ...
  install                fetch the jars with mvn (once; pom.xml names the versions)
  installed              exit 0 when they are there, 3 when not
  start N [DIR]          start N (1 or 3) nodes with their data under DIR; returns when all of them serve
  run N [DIR]            start, print the bootstrap servers, and when standard input ends kill all nodes and delete DIR:
                         nothing outlives whoever holds the other end
  with N CMD ARG...      run a command with N nodes on free ports, whose bootstrap servers it finds in UGC_REAL_KAFKA; they end when it does
  stop [DIR]             stop all nodes in order; the data stays
  kill ID [DIR]          kill -9 node ID (1..N)
  restart ID [DIR]       start node ID again, stopping it first if it runs; returns when it serves
  status [DIR]           one line per node; exit 0 when all of them run, 3 when some do not
  bootstrap [DIR]        print the bootstrap servers, comma-separated
  wipe [DIR]             stop, then delete DIR
  tool CLASS ARG...      run a class of the jars, e.g. org.apache.kafka.tools.TopicCommand
DIR defaults to $UGC_REAL_KAFKA_DATA, else to $UGC_REAL_DIR/kafka-data.

environment (from UGC_REAL_KAFKA_PORT on: read by start when it makes DIR, and kept there):
  UGC_REAL_DIR                working folder             [the user's cache folder/ugc-real]
  UGC_REAL_KAFKA_HEAP         heap per node              [512m]
  UGC_REAL_KAFKA_WAIT         seconds to wait for a node [90]
  UGC_REAL_KAFKA_PORT         node I: broker on PORT+I-1, controller on PORT+100+I-1; 0 picks free ones  [19092]
  UGC_REAL_KAFKA_PARTITIONS   num.partitions             [4]
  UGC_REAL_KAFKA_SESSION_MS   a silent broker is taken for dead after this (Kafka's own default: 9000) [3000]
  UGC_REAL_KAFKA_SEGMENT      log.segment.bytes (at least 1048576)       [1073741824]
  UGC_REAL_KAFKA_DIRTY_RATIO  log.cleaner.min.cleanable.ratio            [0.5]
  UGC_REAL_KAFKA_CLEAN_MS     log.cleaner.backoff.ms: pause of an idle cleaner  [15000]
  UGC_REAL_KAFKA_TLS          a folder with server.pem (key in PKCS 8, then certificate) and ca.pem: node I listens with TLS and asks for a
                              client certificate on PORT+200+I-1, with TLS and SASL on PORT+300+I-1, with SASL alone on PORT+400+I-1
  UGC_REAL_KAFKA_PASSWORD     of the user "plain" for SASL's PLAIN; SCRAM users are made by a client  [plain-secret]
  UGC_REAL_KAFKA_EXTRA        more broker settings, "key=value" one a line
TXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
real=$(realpath -m -- "${UGC_REAL_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/ugc-real}")
lib=$real/kafka-lib
wait_s=${UGC_REAL_KAFKA_WAIT:-90}
heap=${UGC_REAL_KAFKA_HEAP:-512m}

die() { printf 'kafka.sh: %s\n' "$*" >&2; exit 1; }

# data_dir [DIR]: the data folder as an absolute path.
data_dir() { realpath -m -- "${1:-${UGC_REAL_KAFKA_DATA:-$real/kafka-data}}"; }

# load DIR: read back what start kept: nodes, port, cluster_id.
load() {
    [[ -f $1/cluster ]] || die "no cluster in $1: run 'kafka.sh start N' first"
    nodes='' port='' cluster_id=''
    # shellcheck source=/dev/null
    . "$1/cluster"
}

# pid_of DIR ID: print the pid of the node if it runs; the command line is compared, so a reused pid is nobody's.
pid_of() {
    local pid
    pid=$(cat "$1/node-$2/pid" 2>/dev/null) || return 1
    [[ $pid =~ ^[0-9]+$ && -r /proc/$pid/cmdline ]] || return 1
    tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -- "$1/node-$2/server.properties" || return 1
    printf '%s\n' "$pid"
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

servers() {
    local i out=''
    for ((i = 1; i <= nodes; i++)); do out+=",127.0.0.1:$((port + i - 1))"; done
    printf '%s\n' "${out#,}"
}

classpath_ok() { compgen -G "$lib/kafka_2.13-*.jar" >/dev/null || die "no jars in $lib: run 'kafka.sh install' first"; }

installed() { [[ -f $lib/.done && $(<"$lib/.done") == "$(sha256sum <"$here/pom.xml")" ]]; }

install() {
    if installed; then return; fi
    # one at a time: tests of several packages may all ask for it
    mkdir -p -- "$real"
    exec 9>"$lib.lock"
    flock 9
    if installed; then return; fi
    command -v java >/dev/null || die 'java (17 or newer) is not installed'
    command -v mvn >/dev/null || die 'mvn is not installed'
    rm -rf -- "$lib.new"
    mkdir -p -- "$lib.new"
    mvn -B -q -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$lib.new"
    sha256sum <"$here/pom.xml" >"$lib.new/.done"
    rm -rf -- "$lib"
    mv -- "$lib.new" "$lib"
    du -sh -- "$lib"
}

# write_properties DIR ID
write_properties() {
    local dir=$1 id=$2 i voters='' rf=1 isr=1
    for ((i = 1; i <= nodes; i++)); do voters+=",$i@127.0.0.1:$((port + 100 + i - 1))"; done
    if ((nodes == 3)); then rf=3 isr=2; fi
    mkdir -p -- "$dir/node-$id"
    local outside=PLAINTEXT://127.0.0.1:$((port + id - 1)) protocols=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
    if [[ -n ${UGC_REAL_KAFKA_TLS:-} ]]; then
        outside+=,MUTUAL://127.0.0.1:$((port + 200 + id - 1)),ACCOUNT://127.0.0.1:$((port + 300 + id - 1)),OPEN://127.0.0.1:$((port + 400 + id - 1))
        protocols+=,MUTUAL:SSL,ACCOUNT:SASL_SSL,OPEN:SASL_PLAINTEXT
    fi
    cat >"$dir/node-$id/server.properties" <<TXT
process.roles=broker,controller
node.id=$id
controller.quorum.voters=${voters#,}
listeners=$outside,CONTROLLER://127.0.0.1:$((port + 100 + id - 1))
advertised.listeners=$outside
listener.security.protocol.map=$protocols
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$dir/node-$id/log
auto.create.topics.enable=false
num.partitions=${UGC_REAL_KAFKA_PARTITIONS:-4}
default.replication.factor=$rf
min.insync.replicas=$isr
offsets.topic.replication.factor=$rf
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=$rf
transaction.state.log.min.isr=$isr
transaction.state.log.num.partitions=8
share.coordinator.state.topic.replication.factor=$rf
share.coordinator.state.topic.min.isr=$isr
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=${UGC_REAL_KAFKA_SESSION_MS:-3000}
broker.heartbeat.interval.ms=$((${UGC_REAL_KAFKA_SESSION_MS:-3000} / 6))
num.network.threads=2
num.io.threads=4
log.segment.bytes=${UGC_REAL_KAFKA_SEGMENT:-1073741824}
log.cleaner.min.cleanable.ratio=${UGC_REAL_KAFKA_DIRTY_RATIO:-0.5}
log.cleaner.backoff.ms=${UGC_REAL_KAFKA_CLEAN_MS:-15000}
log.cleaner.dedupe.buffer.size=33554432
$(secure)
${UGC_REAL_KAFKA_EXTRA:-}
TXT
}

# secure: the settings behind UGC_REAL_KAFKA_TLS.
secure() {
    local listener plain
    [[ -n ${UGC_REAL_KAFKA_TLS:-} ]] || return 0
    plain=${UGC_REAL_KAFKA_PASSWORD:-plain-secret}
    printf '%s\n' ssl.keystore.type=PEM "ssl.keystore.location=$UGC_REAL_KAFKA_TLS/server.pem" \
        ssl.truststore.type=PEM "ssl.truststore.location=$UGC_REAL_KAFKA_TLS/ca.pem" \
        listener.name.mutual.ssl.client.auth=required sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
    for listener in account open; do
        printf 'listener.name.%s.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_plain="%s";\n' "$listener" "$plain"
        printf "listener.name.$listener.%s.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n" scram-sha-256 scram-sha-512
    done
}

# free_ports N: print a base from which all ports of N nodes are free, below the ports that the system gives to clients.
free_ports() {
    local base try i offset
    for ((try = 0; try < 50; try++)); do
        base=$((15000 + (RANDOM * 32768 + RANDOM) % 17000))
        for ((i = 0; i < $1; i++)); do
            for offset in 0 100 200 300 400; do
                if port_open $((base + offset + i)); then continue 3; fi
            done
        done
        printf '%s\n' "$base"
        return
    done
    die 'no free ports'
}

# make DIR N: lay out a new cluster.
make() {
    local dir=$1 n=$2 i pids=()
    rm -rf -- "$dir"/node-[123] # of a start that did not get as far as the last line here
    nodes=$n port=${UGC_REAL_KAFKA_PORT:-19092}
    if ((port == 0)); then port=$(free_ports "$n"); fi
    # 16 bytes in URL-safe base64, never with a leading '-'
    cluster_id=$(head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | tr -d '=')
    for ((i = 1; i <= n; i++)); do
        write_properties "$dir" "$i"
        (cd "$dir/node-$i" && java -Xmx256m -XX:TieredStopAtLevel=1 -cp "$lib/*" kafka.tools.StorageTool \
            format -t "$cluster_id" -c "$dir/node-$i/server.properties" --ignore-formatted >format.log 2>&1) &
        pids+=($!)
    done
    for i in "${pids[@]}"; do
        wait "$i" || { grep -hE -m 2 'Exception|rror' "$dir"/node-*/format.log >&2 || true; die "cannot format $dir"; }
    done
    # written last: a folder with no such file is made anew
    printf 'nodes=%s\nport=%s\ncluster_id=%s\n' "$nodes" "$port" "$cluster_id" >"$dir/cluster"
}

# launch DIR ID: start one node in the background, unless it runs.
launch() {
    local dir=$1 id=$2 node=$1/node-$2 p end=$((SECONDS + 5))
    if pid_of "$dir" "$id" >/dev/null; then return; fi
    for p in $((port + id - 1)) $((port + 100 + id - 1)); do
        while port_open "$p"; do
            if ((SECONDS >= end)); then die "port $p is taken by another process"; fi
            sleep 0.2
        done
    done
    if [[ -f $node/out.log ]]; then mv -f -- "$node/out.log" "$node/out.log.1"; fi
    (
        cd "$node"
        exec setsid nohup java "-Xmx$heap" "-Xms$heap" -XX:+UseG1GC -XX:MaxGCPauseMillis=20 \
            -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true \
            "-Dlog4j2.configurationFile=$here/log4j2.properties" \
            -cp "$lib/*" kafka.Kafka "$node/server.properties" >out.log 2>&1 </dev/null
    ) &
    printf '%s\n' $! >"$node/pid"
    disown # its death is no news
}

# await DIR ID: wait until the node is in service: it logs this line only when its own cluster has let it in.
await() {
    local dir=$1 id=$2 end=$((SECONDS + wait_s)) seen=0
    while ((SECONDS < end)); do
        if grep -qF 'Kafka Server started' "$dir/node-$id/out.log" 2>/dev/null && port_open $((port + id - 1)); then
            return
        fi
        # the pid's command line is java's only a moment after the fork
        if pid_of "$dir" "$id" >/dev/null; then seen=1; elif ((seen)); then break; fi
        sleep 0.1
    done
    tail -n 20 "$dir/node-$id/out.log" >&2 || true
    die "node $id did not come up within $wait_s s: see $dir/node-$id/out.log"
}

# gone PID: the process has ended, with all its threads: its command line vanishes earlier, while its ports are still open.
gone() {
    local stat field
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    read -r -a field <<<"${stat##*) }"
    [[ ${field[0]} == Z ]] && ((field[17] <= 1))
}

# end DIR ID SIGNAL WAIT: signal one node; after WAIT seconds, kill -9.
end() {
    local pid until=$((SECONDS + $4))
    pid=$(pid_of "$1" "$2") || return 0
    kill "-$3" "$pid"
    until gone "$pid"; do
        if ((SECONDS >= until)); then kill -KILL "$pid" 2>/dev/null || true; fi
        sleep 0.1
    done
    rm -f -- "$1/node-$2/pid"
}

start() {
    local n=${1:-} dir i
    [[ $n == 1 || $n == 3 ]] || die "start needs the number of nodes, 1 or 3"
    dir=$(data_dir "${2:-}")
    classpath_ok
    if [[ -f $dir/cluster ]]; then
        load "$dir"
        ((nodes == n)) || die "$dir holds a cluster of $nodes nodes, not $n: wipe it first"
    else
        make "$dir" "$n"
    fi
    for ((i = 1; i <= nodes; i++)); do launch "$dir" "$i"; done
    for ((i = 1; i <= nodes; i++)); do await "$dir" "$i"; done
    servers
}

stop() {
    local dir i pids=()
    dir=$(data_dir "${1:-}")
    [[ -f $dir/cluster ]] || return 0
    load "$dir"
    for ((i = 1; i <= nodes; i++)); do end "$dir" "$i" TERM 20 & pids+=($!); done
    wait "${pids[@]}"
}

# run N DIR: hold the cluster for as long as somebody holds the other end of standard input.
run() {
    local dir
    dir=$(data_dir "${2:-}")
    # shellcheck disable=SC2064 # the folder is the one of now
    trap "discard '$dir'" EXIT
    trap 'exit 1' INT TERM HUP
    trap '' PIPE # whoever listened may be gone, and the servers must end all the same
    start "$1" "$dir"
    cat >/dev/null
}

# with N CMD...: nodes for as long as a command runs.
with() {
    local n=$1 parent
    shift
    parent=$(mktemp -d)
    # shellcheck disable=SC2064 # the folder is the one of now
    trap "discard '$parent/kafka'; rm -rf -- '$parent'" EXIT
    trap 'exit 1' INT TERM HUP
    trap '' PIPE # whoever listened may be gone, and the servers must end all the same
    UGC_REAL_KAFKA_PORT=0
    UGC_REAL_KAFKA=$(start "$n" "$parent/kafka")
    export UGC_REAL_KAFKA
    "$@"
}

# discard DIR: end all nodes at once and delete what they have written.
discard() {
    local i
    if [[ -f $1/cluster ]]; then
        load "$1"
        for ((i = 1; i <= nodes; i++)); do end "$1" "$i" KILL 0; done
    fi
    rm -rf -- "$1"
}

# node_arg ID: check a node's number.
node_arg() {
    if [[ ! $1 =~ ^[1-3]$ ]] || (($1 > nodes)); then die "no node '$1': it is 1..$nodes"; fi
}

status() {
    local dir i pid rc=0
    dir=$(data_dir "${1:-}")
    load "$dir"
    for ((i = 1; i <= nodes; i++)); do
        if pid=$(pid_of "$dir" "$i"); then
            printf 'node %s 127.0.0.1:%s pid %s rss %s MB\n' "$i" $((port + i - 1)) "$pid" \
                $(($(awk '/^VmRSS/ {print $2}' "/proc/$pid/status") / 1024))
        else
            printf 'node %s 127.0.0.1:%s down\n' "$i" $((port + i - 1))
            rc=3
        fi
    done
    return "$rc"
}

verb=${1:-help}
shift || true
case $verb in
    install) install ;;
    installed) installed || exit 3 ;;
    start) start "$@" ;;
    run) run "$@" ;;
    with) with "$@" ;;
    stop) stop "$@" ;;
    status) status "$@" ;;
    bootstrap) load "$(data_dir "${1:-}")" && servers ;;
    kill)
        dir=$(data_dir "${2:-}")
        load "$dir"
        node_arg "${1:-}"
        end "$dir" "$1" KILL 0
        ;;
    restart)
        dir=$(data_dir "${2:-}")
        load "$dir"
        node_arg "${1:-}"
        classpath_ok
        end "$dir" "$1" TERM 20
        launch "$dir" "$1"
        await "$dir" "$1"
        ;;
    wipe)
        dir=$(data_dir "${1:-}")
        if [[ -f $dir/cluster ]]; then
            stop "$dir"
            rm -rf -- "$dir"
        fi
        ;;
    tool)
        classpath_ok
        exec java -Xmx512m "-Dlog4j2.configurationFile=$here/log4j2.properties" -Dugc.log.level=WARN -cp "$lib/*" "$@"
        ;;
    help | -h | --help) usage ;;
    *)
        usage >&2
        exit 2
        ;;
esac
