package deploy

import (
	"context"
	"fmt"
	"os"
	"testing"

	"ugc/deploy/embedded/clickhouse"
)

// A house starts its ClickHouse engine as a child of its own program, which here is the test.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "clickhouse-engine" {
		options, err := clickhouse.ParseChild(os.Args[2:])
		if err == nil {
			err = clickhouse.Child(context.Background(), options)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}
