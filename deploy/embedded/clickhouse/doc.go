// Package clickhouse runs the real ClickHouse engine inside the product: libchdb in a child process, spoken to by
// clickhouse-go over a unix socket exactly as a server is. What works here works against a cluster, and the reverse.
//
// Three parts: Engine, in the parent, starts the child, restarts it when it dies and dials it; Child, in the child,
// opens the engine (package engine) and serves ClickHouse's HTTP interface on it (package bridge); FindLibrary says
// where the library is or how to install it. The child is this same binary under a hidden command.
//
// # What an acknowledged INSERT survives
//
// An INSERT is answered after its parts have been renamed into place, so it survives the death of the child at any
// time, by kill -9 too. With Fsync, the default, its files and their directory have also been synced, so it survives
// the death of the machine; without, the kernel writes them within some 30 s and a power cut may take them, in any
// order. ClickHouse's own default is not to sync. It is set for all MergeTree tables by the server's configuration
// (fsync_after_insert, fsync_part_directory); a table's own SETTINGS win over it. Merged parts are not synced, but
// their sources are kept for eight minutes (old_parts_lifetime), which is long enough for the kernel.
//
// An INSERT that was not answered is whole or absent as long as it is one block (1,048,449 rows or fewer, in one
// Native block, as a clickhouse-go batch is) into one partition; several partitions or blocks are several parts, of
// which a kill may leave the first ones.
//
// # What it costs
//
// The library has 566 MB on disk, of which some 170 MB get mapped and shared; the child idles at about 220 MB
// resident and half a percent of a core. Its own memory is bounded by Options.MemoryBytes: statements beyond it fail
// with code 241, the process stays.
//
// Who can open the socket can read any file of the user who runs the process (file(), as in clickhouse-local): it is
// made for that user alone, and SQL of strangers must not be passed to it.
package clickhouse
