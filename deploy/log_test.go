package deploy

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/deploy/config"
)

func TestLogLinesNameUnitsOfTime(t *testing.T) {
	for _, format := range []string{"json", "text"} {
		var b bytes.Buffer
		log := NewLogger(&config.Config{LogLevel: "info", LogFormat: format}, &b)
		log.Info("waiting", "within", 1500*time.Millisecond)
		log.With("every", time.Minute).WithGroup("part").Info("waiting", "within", time.Second)
		require.Contains(t, b.String(), "1.5s")
		require.Contains(t, b.String(), "1m0s")
		for _, nanoseconds := range []string{"1500000000", "60000000000", ":1000000000"} {
			require.NotContains(t, b.String(), nanoseconds, "they say nothing to a person")
		}
	}
}
