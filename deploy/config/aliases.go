package config

import (
	"cmp"
	"net"
	"strings"
)

// alias is a setting that movies_ugc had under other names. Its variables count where ours is set nowhere.
type alias struct {
	setting string
	names   []string // of movies_ugc; one of them suffices
	value   func(get func(string) string) string
}

// aliases are the variables that people know. Topics and databases keep our names: theirs hold other records.
var aliases = []alias{
	{"UGC_HTTP_ADDR", []string{"APP_HOST", "APP_PORT"}, func(get func(string) string) string {
		return net.JoinHostPort(cmp.Or(get("APP_HOST"), "127.0.0.1"), cmp.Or(get("APP_PORT"), "8000"))
	}},
	{"UGC_KAFKA", []string{"KAFKA_CONNECTION_HOST"}, func(get func(string) string) string {
		return "kafka://" + net.JoinHostPort(get("KAFKA_CONNECTION_HOST"), cmp.Or(get("KAFKA_CONNECTION_PORT"), "9092"))
	}},
	{"UGC_REGISTRY", []string{"KAFKA_SCHEMA_REGISTRY_HOST"}, func(get func(string) string) string {
		return "http://" + net.JoinHostPort(get("KAFKA_SCHEMA_REGISTRY_HOST"), cmp.Or(get("KAFKA_SCHEMA_REGISTRY_PORT"), "8081"))
	}},
	{"UGC_CLICKHOUSE", []string{"CH_NODE_HOST"}, func(get func(string) string) string {
		return "clickhouse://" + net.JoinHostPort(get("CH_NODE_HOST"), cmp.Or(get("CH_NODE_PORT"), "9000")) + "/ugc"
	}},
	{"UGC_CLICKHOUSE_CLUSTER", []string{"CH_CLUSTER_NAME"}, func(get func(string) string) string { return get("CH_CLUSTER_NAME") }},
	{"UGC_DOCUMENTS", []string{"MONGO_ROUTER_HOST"}, func(get func(string) string) string {
		return "mongodb://" + net.JoinHostPort(get("MONGO_ROUTER_HOST"), cmp.Or(get("MONGO_ROUTER_PORT"), "27017")) + "/ugc"
	}},
}

// resolve sets what is not set from the variables of movies_ugc, in vars and sources.
func resolve(vars map[string]string, sources Sources, get func(string) string) {
	for _, a := range aliases {
		if _, set := vars[a.setting]; set {
			continue
		}
		var given []string
		for _, n := range a.names {
			if get(n) != "" {
				given = append(given, n)
			}
		}
		if len(given) > 0 {
			vars[a.setting], sources[a.setting] = a.value(get), "movies_ugc's "+strings.Join(given, ", ")
		}
	}
}
