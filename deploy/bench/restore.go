package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// restoreCold is a table of which there is no copy yet.
func restoreCold() Contest {
	return restoring("restore-cold", "a table restored, no copy on disk", 1.7, false)
}

// restoreWarm is a table whose copy is there.
func restoreWarm() Contest {
	return restoring("restore-warm", "a table restored, its copy on disk", 1, true)
}

func restoring(name, what string, aim float64, warm bool) Contest {
	side := func(start startProcessor, table topics.Topic) func(context.Context, *Workplace) (Sample, error) {
		return func(ctx context.Context, w *Workplace) (Sample, error) {
			return measureRestoring(ctx, w, start, table, warm)
		}
	}
	return Contest{
		Name: name, What: what, Unit: "keys", Goal: 1, Aim: aim, Against: "goka with stock settings, over the same records",
		Ours: Contender{"ugc's streams", side(startStreams, topics.PlaybackTable)},
		Peer: Contender{"stock goka", side(startStock, stockTable)},
	}
}

// measureRestoring measures from the start of the processor until it would take commands.
func measureRestoring(ctx context.Context, w *Workplace, start startProcessor, table topics.Topic, warm bool) (s Sample, err error) {
	keys := w.Setting("keys", 1_000_000)
	b, err := playbackBackbone(ctx, w)
	if err != nil {
		return s, err
	}
	if err := b.fillTable(ctx, table, keys); err != nil {
		return s, fmt.Errorf("write the table: %w", err)
	}
	dir := filepath.Join(w.Dir, "tables")
	restore := func() (p processor, err error) {
		if p, err = start(ctx, b, dir); err != nil {
			return p, err
		}
		if err := p.ready(ctx); err != nil {
			return p, errors.Join(err, p.stop())
		}
		return p, nil
	}
	if warm {
		p, err := restore()
		if err != nil {
			return s, err
		}
		if err := p.stop(); err != nil {
			return s, err
		}
	}
	var p processor
	s, err = w.Measure(func() (int64, error) {
		p, err = restore()
		return keys, err
	})
	if err != nil {
		return s, err
	}
	if err := p.stop(); err != nil {
		return s, err
	}
	if n, err := keysBelow(dir); err != nil || n < keys {
		return s, errors.Join(err, fmt.Errorf("%d keys of %d were restored", n, keys))
	}
	return s, nil
}

// fillTable writes the state of so many keys, each after its first report, as the owner would: in the order in which they were written, which is not that of the keys.
func (b Backbone) fillTable(ctx context.Context, table topics.Topic, keys int64) error {
	codec, v := schemas.Offline(), newViewers()
	return b.fill(ctx, keys, func(i int64) (*kgo.Record, error) {
		c := v.next()
		at := i * 7_368_787 % keys // a prime greater than any number of keys: each comes once
		c.User, c.Movie = fmt.Sprintf("user-%06d", at/10), fmt.Sprintf("tt%07d", at%10)
		event := domain.Playback.Decide(domain.PlaybackState{}, c)
		outcome, err := codec.EncodeEvent(event)
		if err != nil {
			return nil, err
		}
		value, err := codec.EncodePlaybackTable(&schemas.Table[domain.PlaybackState]{
			Applied: domain.Version(i), Outbox: []schemas.Outcome{{Version: domain.Version(i), Event: outcome}}, State: domain.Playback.Evolve(domain.PlaybackState{}, event),
		})
		return &kgo.Record{Topic: table.Name, Key: []byte(c.Key()), Value: value}, err
	})
}

// keysBelow counts the keys in the databases below the folder, whoever made them.
func keysBelow(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "CURRENT" {
			return err
		}
		db, err := leveldb.OpenFile(filepath.Dir(path), &opt.Options{ReadOnly: true})
		if err != nil {
			return err
		}
		it := db.NewIterator(nil, &opt.ReadOptions{DontFillCache: true})
		for it.Next() {
			n++
		}
		it.Release()
		return errors.Join(it.Error(), db.Close())
	})
	return n, err
}
