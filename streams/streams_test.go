package streams

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/schemas/topics"
)

type assertT = assert.CollectT

func TestEachCommandBecomesOneEventAndIsFoldedOnce(t *testing.T) {
	c := startCluster(t)
	const n = 20_000
	var commands []domain.Command
	for i := range n {
		commands = append(commands, report(fmt.Sprint("u", i%97), fmt.Sprint("m", i%3), i/97))
	}
	c.send(commands...)
	began := time.Now()
	c.run(c.options(t.TempDir()))
	c.committed(group("ugc-playback"))
	took := time.Since(began)
	require.Len(t, c.all(topics.PlaybackEvents.Name), n, "nothing crashed, so nothing is there twice")
	c.requireFold()
	t.Logf("%d commands in %s: %.0f a second, start and restore included", n, took.Round(time.Millisecond), n/took.Seconds())
}
