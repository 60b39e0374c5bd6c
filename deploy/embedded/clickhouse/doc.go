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
// time, by kill -9 too. Unless Options.NoFsync is set, its files and their directory have also been synced, so it
// survives the death of the machine; with NoFsync, the kernel writes them within some 30 s and a power cut may take
// them, in any order. ClickHouse's own default is not to sync. It is set for all MergeTree tables by the configuration
// (fsync_after_insert, fsync_part_directory), and so are merges (min_rows_to_fsync_after_merge and the like): this
// build deletes the sources of a merge at once (old_parts_lifetime 0, a server's is 8 minutes), so that an unsynced
// merge would undo the syncing of the inserts. A table's own SETTINGS win over all of these. INSERTs are synchronous
// unless a statement asks for async_insert, whose default in 26.x is on.
//
// A full disk is the exception: this build does not notice that a write fails, acknowledges the INSERT and commits merges whose files are empty. So the child
// ends while there still is a little space, Run with it, and the next Run throws away what was stored (trust.go).
//
// An INSERT that was not answered is whole or absent as long as its rows become one block (about a million rows or
// fewer) in one partition; several partitions or blocks are several parts, of which a kill may leave the first ones.
// All rows have arrived before the engine begins, so a client that dies while sending leaves nothing; but a statement
// that was given up after that may still take effect a moment later. Who sends it again must write the same again.
//
// # What it costs
//
// The library has 566 MB on disk, of which some 170 MB get mapped; the child rests at 210 to 240 MB resident (40 to
// 60 MB of its own) and under one percent of a core. Its memory is bounded by Options.MemoryBytes: statements beyond it
// fail with code 241, the process stays.
//
// Who can open the socket can read any file of the user who runs the process (file(), as in clickhouse-local): it is
// made for that user alone, and SQL of strangers must not be passed to it.
package clickhouse
