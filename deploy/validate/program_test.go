package validate

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
)

const (
	patience = 2 * time.Minute
	tick     = 20 * time.Millisecond
)

var (
	quiet  = slog.New(slog.DiscardHandler)
	promql = parser.NewParser(parser.Options{})
	client = &http.Client{Timeout: 30 * time.Second}
)

// program is a running ugc.
type program struct{ addr string }

// run starts everything embedded.
func run(t *testing.T) *program {
	t.Helper()
	library, err := filepath.Abs(filepath.Join(root, "deploy/embedded/clickhouse/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"))
	require.NoError(t, err)
	_, err = os.Stat(library)
	require.NoError(t, err, "run make setup")
	data := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	var said bytes.Buffer
	p := exec.CommandContext(ctx, programAs(t), "run")
	p.Env = append(os.Environ(), "UGC_DATA_DIR="+data, "UGC_HTTP_ADDR=127.0.0.1:0", "UGC_KAFKA=embedded://127.0.0.1:0", "UGC_CHDB_LIB="+library)
	p.Stdout, p.Stderr = &said, &said
	p.Cancel = func() error { return p.Process.Signal(os.Interrupt) }
	p.WaitDelay = 30 * time.Second
	require.NoError(t, p.Start())
	ended := make(chan error, 1)
	go func() { ended <- p.Wait() }()
	t.Cleanup(func() {
		cancel()
		<-ended
		if t.Failed() {
			t.Log(said.String())
		}
	})
	var addr string
	require.Eventually(t, func() bool {
		b, err := os.ReadFile(filepath.Join(data, "http.addr"))
		addr = strings.TrimSpace(string(b))
		return err == nil && addr != ""
	}, patience, tick, "ugc run did not come up")
	return &program{addr}
}

// exercise does what makes every series appear.
func (p *program) exercise(t *testing.T) *program {
	t.Helper()
	post := func(want int, body string) {
		answer, err := client.Post("http://"+p.addr+"/api/v2/events", "application/json", strings.NewReader(body))
		require.NoError(t, err)
		_ = answer.Body.Close()
		require.Equal(t, want, answer.StatusCode)
	}
	post(202, `[{"type":"play","user_id":"ann","movie_id":"heat","position_ms":0},{"type":"rating","user_id":"ann","movie_id":"heat","score":9}]`)
	post(400, `{`)
	require.Eventually(t, func() bool {
		all := p.metrics(t)
		shown, late := all["ugc_view_visible_seconds"], all["ugc_view_lag_seconds"]
		return shown != nil && len(shown.GetMetric()) >= 5 && late != nil
	}, patience, tick, "the views show what was posted")
	return p
}

func (p *program) metrics(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	answer, err := client.Get(fmt.Sprintf("http://%s/metrics", p.addr))
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	require.Equal(t, 200, answer.StatusCode)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	require.NoError(t, err)
	return families
}
