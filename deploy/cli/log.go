package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ugc/deploy"
	"ugc/deploy/archive"
)

// log is `ugc log`: the command log as files, and back.
func (p *program) log() *cobra.Command {
	parent := &cobra.Command{Use: "log", Short: "copy the command log into files, and back into new topics", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	parent.AddCommand(
		&cobra.Command{
			Use: "save DIR", Short: "copy the command log into an empty folder", Args: args(cobra.ExactArgs(1)),
			Long: `Copies every record that the command topics hold when it begins into DIR, which must be empty or not there: an Avro object container file for each
partition, with key, value, headers and time byte for byte, manifest.json, and SHA256SUMS last. A folder without SHA256SUMS is no copy.

It runs beside a running service, which may go on taking events; without one it starts the embedded parts for the moment. Everything else is made of
these records: they are a backup of all, and how topics get another number of partitions (docs/OPERATIONS.md).`,
			Example: "  ugc log save /backup/2026-01-02\n  cd /backup/2026-01-02 && sha256sum -c SHA256SUMS",
			RunE:    func(c *cobra.Command, a []string) error { return p.saveLog(c.Context(), a[0]) },
		},
		&cobra.Command{
			Use: "restore DIR", Short: "write a saved command log into new topics", Args: args(cobra.ExactArgs(1)),
			Long: `Writes the records of a folder of ` + "`ugc log save`" + ` into the topics that ` + "`ugc init`" + ` has just made, under a UGC_KAFKA_EPOCH greater than that of the
folder. Each goes into the partition where its user now belongs, the records of one user in their order. No process of ugc may run.

Before it writes anything it holds every file against its checksum, asks the registry whether the ids in the records mean what they meant, and refuses topics that are not
new, groups that work, and views that show another log. If it does not come to its end, delete the topics, run ` + "`ugc init`" + `, and restore again.`,
			Example: "  UGC_KAFKA_PARTITIONS=24 UGC_KAFKA_EPOCH=1 ugc init\n  UGC_KAFKA_PARTITIONS=24 UGC_KAFKA_EPOCH=1 ugc log restore /backup/2026-01-02",
			RunE:    func(c *cobra.Command, a []string) error { return p.restoreLog(c.Context(), a[0]) },
		})
	return parent
}

func (p *program) saveLog(ctx context.Context, dir string) error {
	settings, _, err := p.settings()
	if err != nil {
		return err
	}
	lines := newStages(p.err)
	m, err := deploy.New(settings, p.version, deploy.NewLogger(settings, p.err)).SaveLog(ctx, dir, lines.tell)
	lines.end()
	if err != nil {
		return errors.Join(ctx.Err(), err)
	}
	for _, f := range m.Files {
		_, _ = fmt.Fprintf(p.out, "%s: %d records\n", f.Name, f.Records)
		if f.First > 0 {
			_, _ = fmt.Fprintf(p.err, "ugc: partition %d of %s begins at offset %d: what was before is gone\n", f.Partition, f.Topic, f.First)
		}
	}
	_, err = fmt.Fprintf(p.out, "%d records of epoch %d saved in %s\n", m.Records(), m.Epoch, dir)
	return err
}

func (p *program) restoreLog(ctx context.Context, dir string) error {
	settings, _, err := p.settings()
	if err != nil {
		return err
	}
	lines := newStages(p.err)
	r, err := deploy.New(settings, p.version, deploy.NewLogger(settings, p.err)).RestoreLog(ctx, dir, lines.tell)
	lines.end()
	if errors.Is(err, archive.ErrIncomplete) { // said here, because an interrupt says nothing else
		_, _ = fmt.Fprintln(p.err, "ugc: the topics hold a part of the log, nothing may be started on them: delete all topics of `ugc topology`\n"+
			"(of an embedded broker the folder kafka in the data folder), run `ugc init`, and restore again")
	}
	if err != nil {
		return errors.Join(ctx.Err(), err)
	}
	total := int64(0)
	for _, t := range r.Topics {
		for i, n := range t.Partitions {
			_, _ = fmt.Fprintf(p.out, "%s, partition %d: %d records\n", t.Topic, i, n)
			total += n
		}
	}
	if r.Misplaced > 0 {
		_, _ = fmt.Fprintf(p.out, "%d records had lain in a partition that is not their user's; they were set aside, and will be again\n", r.Misplaced)
	}
	_, err = fmt.Fprintf(p.out, "%d records written under epoch %d\n", total, settings.Epoch)
	return err
}
