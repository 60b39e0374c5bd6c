package audit

import (
	"context"
	"errors"

	"ugc/domain"
)

// claim is a stored row as it is kept: which version it claims to be of, and what it says.
type claim struct {
	version domain.Version
	hash    uint64
	met     bool // the fold came to that version of the key
}

// claims compares a view, partition by partition: each row with the fold at the version that it claims.
type claims struct {
	view
	sheet  *sheet
	rows   map[string]*claim
	last   map[string]domain.Version // per key, the last command up to the snapshot that leaves a row
	wanted map[string]int            // per key, the finding that waits for what is stored there
	topic  string                    // of the commands
}

func newClaims(a *audit, v view, commands string, p int32) *claims {
	return &claims{view: v, sheet: a.sheet(v.check, p), rows: map[string]*claim{}, last: map[string]domain.Version{}, wanted: map[string]int{}, topic: commands}
}

// collect reads what is stored.
func (c *claims) collect(ctx context.Context) error {
	return c.scan(ctx, c.sheet.Partition, func(r Row) error {
		c.sheet.Stored++
		if old, ok := c.rows[r.Key]; ok {
			c.sheet.found(Difference{Kind: Doubled, Key: r.Key, Origin: c.origin(r.Version)})
			if old.version >= r.Version {
				return nil
			}
		}
		c.rows[r.Key] = &claim{version: r.Version, hash: hashText(r.Text)}
		return nil
	})
}

// meet compares the row of the moment's key, if it is of this moment.
func (c *claims) meet(m *moment, inSnapshot bool) {
	// A record that was set aside leaves the table's value all the same: its key waits from there on.
	if m.foreign || m.fault != nil && m.letter == nil || !c.leaves(m) {
		return
	}
	row := c.rows[m.key]
	if inSnapshot && !c.exempt[m.Origin] {
		c.last[m.key] = m.Version
	}
	if row == nil || row.version != m.Version {
		return
	}
	row.met = true
	if should := c.text(m); hashText(should) != row.hash {
		c.want(m.key, Difference{Kind: Different, Key: m.key, Should: should, Origin: c.origin(m.Version)})
	}
}

// settle says what is missing, older than the snapshot, or explained by no command.
func (c *claims) settle() {
	for key, version := range c.last {
		c.sheet.Accepted++
		switch row := c.rows[key]; {
		case row == nil:
			c.sheet.found(Difference{Kind: Missing, Key: key, Origin: c.origin(version)})
		case row.met && row.version < version:
			c.want(key, Difference{Kind: Older, Key: key, Origin: c.origin(version)})
		}
	}
	for key, row := range c.rows {
		if !row.met {
			c.want(key, Difference{Kind: Extra, Key: key, Origin: c.origin(row.version)})
		} else if _, ok := c.last[key]; !ok {
			c.sheet.Accepted++ // first written after the snapshot, or a row in spite of a dead letter
		}
	}
}

func (c *claims) want(key string, d Difference) {
	c.sheet.found(d)
	if n := len(c.sheet.list); n > 0 && c.sheet.list[n-1].Key == key {
		c.wanted[key] = n - 1
	}
}

// explain reads once more what is stored where something was found, to show it.
func (c *claims) explain(ctx context.Context) error {
	if len(c.wanted) == 0 {
		return nil
	}
	left := len(c.wanted)
	err := c.scan(ctx, c.sheet.Partition, func(r Row) error {
		i, ok := c.wanted[r.Key]
		if !ok {
			return nil
		}
		d := &c.sheet.list[i]
		d.Is, d.Should = apart(r.Text, d.Should)
		if delete(c.wanted, r.Key); left > 1 {
			left--
			return nil
		}
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return err
}

func (c *claims) origin(v domain.Version) string {
	return place{c.topic, c.sheet.Partition, v.Offset()}.String()
}
