package clickhouse

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// config is the server's configuration: a small, quiet server that syncs what it acknowledges. No system log table is
// configured, so there is none.
type config struct {
	XMLName  xml.Name `xml:"clickhouse"`
	LogLevel string   `xml:"log-level"`
	Logger   logger   `xml:"logger"`

	Memory       int64 `xml:"max_server_memory_usage"`
	MemoryWorker int   `xml:"memory_worker_period_ms"` // its default wakes 20 times a second

	MarkCache         int64 `xml:"mark_cache_size"` // caches count as memory: their defaults, in gigabytes, would fill the limit
	PrimaryIndexCache int64 `xml:"primary_index_cache_size"`
	IndexMarkCache    int64 `xml:"index_mark_cache_size"`
	MMapCache         int64 `xml:"mmap_cache_size"` // files
	CompiledCache     int64 `xml:"compiled_expression_cache_size"`

	ThreadPool     int `xml:"max_thread_pool_size"`
	ThreadPoolFree int `xml:"max_thread_pool_free_size"` // idle threads kept
	IOThreads      int `xml:"max_io_thread_pool_size"`
	IOThreadsFree  int `xml:"max_io_thread_pool_free_size"`

	Merges        int `xml:"background_pool_size"`
	Moves         int `xml:"background_move_pool_size"`
	Fetches       int `xml:"background_fetches_pool_size"`
	Common        int `xml:"background_common_pool_size"`
	Schedule      int `xml:"background_schedule_pool_size"`
	BufferFlushes int `xml:"background_buffer_flush_schedule_pool_size"`
	Brokers       int `xml:"background_message_broker_schedule_pool_size"`
	Distributed   int `xml:"background_distributed_schedule_pool_size"`

	MergeTree mergeTree `xml:"merge_tree"`
}

type logger struct {
	File  string `xml:"log"`
	Size  string `xml:"size"`
	Count int    `xml:"count"`
}

type mergeTree struct {
	FsyncInsert    int `xml:"fsync_after_insert"`
	FsyncDirectory int `xml:"fsync_part_directory"`
	FsyncMergeRows int `xml:"min_rows_to_fsync_after_merge"` // 1: every merge, for its sources are deleted at once
	FsyncMergeSize int `xml:"min_compressed_bytes_to_fsync_after_merge"`

	// Of a pool of two, one slot must do for a mutation or a big merge: the defaults, made for 32, would starve them.
	FreeForMutation int `xml:"number_of_free_entries_in_pool_to_execute_mutation"`
	FreeForBigMerge int `xml:"number_of_free_entries_in_pool_to_lower_max_size_of_merge"`
	FreeForOptimize int `xml:"number_of_free_entries_in_pool_to_execute_optimize_entire_partition"`

	// A table with many broken parts is to be loaded all the same: they are seen, and the view is made anew. The defaults refuse it.
	BrokenParts int   `xml:"max_suspicious_broken_parts"`
	BrokenBytes int64 `xml:"max_suspicious_broken_parts_bytes"`
}

func configure(o ChildOptions) config {
	memory := o.MemoryBytes
	if memory == 0 {
		memory = 1 << 30
	}
	sync := 1
	if o.NoFsync {
		sync = 0
	}
	return config{
		LogLevel: "warning",
		Logger:   logger{File: logPath(o.DataDir), Size: "10M", Count: 2},
		Memory:   memory, MemoryWorker: 1000,
		MarkCache: memory / 16, PrimaryIndexCache: memory / 16, IndexMarkCache: memory / 64, MMapCache: 100, CompiledCache: memory / 64,
		ThreadPool: 1000, ThreadPoolFree: 8, IOThreads: 32, IOThreadsFree: 0,
		Merges: 2, Moves: 1, Fetches: 1, Common: 2, Schedule: 4, BufferFlushes: 1, Brokers: 1, Distributed: 1,
		MergeTree: mergeTree{FsyncInsert: sync, FsyncDirectory: sync, FsyncMergeRows: sync, FsyncMergeSize: sync, FreeForMutation: 1, FreeForBigMerge: 1, FreeForOptimize: 1,
			BrokenParts: 1 << 20, BrokenBytes: 1 << 50},
	}
}

// statementSettings apply to statements that do not set them themselves.
func statementSettings(o ChildOptions) map[string]string {
	settings := map[string]string{
		"async_insert":       "0", // the default of 26.x lets small INSERTs wait for each other
		"max_insert_threads": "1",
	}
	if o.Threads > 0 {
		settings["max_threads"] = strconv.Itoa(o.Threads)
	}
	return settings
}

func logPath(dir string) string { return filepath.Join(dir, "engine.log") }

// writeConfig writes the configuration into the data directory, anew at each start.
func writeConfig(o ChildOptions) (path string, err error) {
	b, err := xml.MarshalIndent(configure(o), "", "  ")
	if err != nil {
		return "", fmt.Errorf("write the engine's configuration: %w", err)
	}
	path = filepath.Join(o.DataDir, "engine.xml")
	if err := os.WriteFile(path, append(b, '\n'), 0o600); err != nil {
		return "", fmt.Errorf("write the engine's configuration: %w", err)
	}
	return path, nil
}
