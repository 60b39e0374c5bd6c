// Package clickhouse holds the views for analytics: stored ones that sinks write, and derived ones that are SQL over them.
//
// # Exactness
//
// Nothing here counts. A stored view is written by identity (playback_events, feedback_events: partition and version of the command) or by
// key and version (viewing, feedback), as absolute values into ReplacingMergeTree, and read with FINAL. So a batch may come twice, in
// parts, in another order, from a zombie or from a rebuild, and the same rows stand there. Derived views compute from those when they are
// read: no trigger adds, no state is kept. They are views over FINAL reads, so their numbers are exact at every moment.
//
// A block that failed with its answer lost is sent again and replaces itself. This does not rest on the server's own deduplication of
// blocks, which is off (insert_deduplicate=0): it forgets after a while, and it would swallow a block that must be written again
// because somebody deleted its rows.
//
// # Durability
//
// Inserts are synchronous (async_insert=0): the answer means that parts are in place. Tables sync them (fsync_after_insert), so that a watermark,
// written after its batch, never survives a power cut that the batch did not. In a cluster an insert also waits for a majority of replicas
// (insert_quorum=auto), and through the Distributed table for the shard itself (distributed_foreground_insert=1).
//
// # Names
//
// Readers use stable names (ugc.viewing), which are views over the live generation's table (ugc.viewing__g1). A rebuild fills the next
// generation's and swaps the view, in one step. Which one is live stands in ugc_generations.
//
// # Protocol
//
// Production speaks clickhouse-go's native TCP protocol; the embedded engine its HTTP protocol, with blocks of revision 0. Both carry the same
// column blocks, so that one code writes and reads both. Over HTTP a batch asks for the table's columns first, and Flush does nothing: a
// block is an INSERT of its own here either way.
package clickhouse
