package cli

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ugc/deploy/config"
	"ugc/deploy/importer"
)

func (p *program) importing() *cobra.Command {
	parent := &cobra.Command{Use: "import", Short: "send a file through the running service, like any client", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	var o importer.Options
	movielens := &cobra.Command{
		Use:   "movielens RATINGS.CSV[.GZ]",
		Short: "send MovieLens ratings; sending them again changes nothing",
		Long:  "Sends every rating of a MovieLens ratings.csv: half stars times two as scores 1 to 10, the file's timestamps as the time of the fact.\nThe whole file is checked first. Event ids follow from the lines, so sending a file again changes nothing.",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			settings, _, err := p.settings()
			if err != nil {
				return err
			}
			if o.Key = settings.APIKey; o.URL == "" {
				o.URL = serviceURL(settings)
			}
			o.URL = strings.TrimRight(o.URL, "/")
			return p.importMovieLens(c, a[0], o)
		},
	}
	movielens.Flags().StringVar(&o.URL, "url", "", "the service; default: the one that runs with this configuration")
	movielens.Flags().IntVar(&o.Batch, "batch", 500, "ratings in one request, 1 to 1000")
	movielens.Flags().IntVar(&o.Parallel, "parallel", 4, "requests at once, 1 to 64")
	movielens.Flags().DurationVar(&o.Patience, "patience", time.Minute, "how long to try again when the service is unavailable")
	parent.AddCommand(movielens)
	return parent
}

func (p *program) importMovieLens(c *cobra.Command, path string, o importer.Options) error {
	if o.Batch < 1 || o.Batch > 1000 || o.Parallel < 1 || o.Parallel > 64 {
		return usageError{fmt.Errorf("--batch must lie between 1 and 1000, --parallel between 1 and 64")}
	}
	total := 0
	if err := importer.ScanMovieLens(path, func(importer.Event) error { total++; return c.Context().Err() }); err != nil {
		return fmt.Errorf("nothing was sent: %w", err)
	}
	o.Client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: o.Parallel}}
	bar := newProgress(p.err, total, "ratings")
	o.Sent = bar.add
	began := time.Now()
	n, err := importer.MovieLens(c.Context(), path, o)
	bar.finish()
	if err != nil {
		return err
	}
	took := time.Since(began)
	_, err = fmt.Fprintf(p.out, "%d ratings accepted and visible in %s (%.0f/s)\n", n, took.Round(time.Millisecond), float64(n)/took.Seconds())
	return err
}

// serviceURL is where the service of this configuration listens: what it wrote down when it started, since port 0 picks one.
func serviceURL(c *config.Config) string {
	f, err := os.Open(filepath.Join(c.DataDir, "http.addr"))
	if err != nil {
		return "http://" + c.HTTPAddr
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, 256))
	if err != nil || len(b) == 0 {
		return "http://" + c.HTTPAddr
	}
	return "http://" + strings.TrimSpace(string(b))
}
