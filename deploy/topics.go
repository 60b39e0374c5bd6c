package deploy

import (
	"strconv"
	"time"

	"ugc/deploy/config"
	"ugc/schemas/topics"
	"ugc/transport/kafka"
)

// Records of tables that are younger than this are never compacted away: an older state that a paused process wrote late can be
// the last record of its key until the owner has written the right one again. (DESIGN 6, rule 5.)
const compactionLag = 24 * time.Hour

// topicSettings are all topics as they must be on this deployment.
func topicSettings(c *config.Config) []kafka.Topic {
	all := make([]kafka.Topic, 0, len(topics.All()))
	for _, t := range topics.All() {
		all = append(all, kafka.Topic{
			Name: t.Name, Partitions: c.PartitionCount(), Replication: c.ReplicationFactor(),
			Configs: settingsOf(t, c.ReplicationFactor()), Remade: t.Remade,
		})
	}
	return all
}

func settingsOf(t topics.Topic, replication int16) map[string]string {
	s := map[string]string{
		"retention.bytes": "-1", "max.message.bytes": strconv.Itoa(topics.MaxMessageBytes),
		"unclean.leader.election.enable": "false", // or a replica that was behind makes what was acknowledged go away
	}
	switch t.Keep {
	case topics.Compacted:
		s["cleanup.policy"], s["retention.ms"] = "compact", "-1"
		s["min.compaction.lag.ms"] = milliseconds(compactionLag)
	default:
		s["cleanup.policy"], s["retention.ms"] = "delete", "-1"
	}
	if replication >= 3 {
		s["min.insync.replicas"] = "2" // so that acks=all means more than one disk
	}
	return s
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
