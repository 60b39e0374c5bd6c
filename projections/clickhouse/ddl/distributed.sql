{{define "distributed" -}}
-- What a cluster's readers and writers use: all of a user's rows live on one shard, so that FINAL there is FINAL everywhere.
CREATE TABLE IF NOT EXISTS {{.Table}}{{.OnCluster}} AS {{.Local}}
ENGINE = Distributed({{.ClusterName}}, {{.DatabaseName}}, {{.LocalName}}, cityHash64(user_id))
{{- end}}
