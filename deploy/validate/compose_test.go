package validate

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

var passwords = []string{"CLICKHOUSE_PASSWORD=p@1", "CLICKHOUSE_SECRET=s", "GRAFANA_PASSWORD=g", "API_KEY_SHA256=ab", "METRICS_KEY_SHA256=cd"}

// project is the stack as docker compose would see it.
func project(t *testing.T, profiles []string, overrides ...string) *types.Project {
	t.Helper()
	files := []string{filepath.Join(root, "deploy/compose/compose.yaml")}
	for _, o := range overrides {
		files = append(files, filepath.Join(root, "deploy/compose", o))
	}
	options, err := cli.NewProjectOptions(files, cli.WithProfiles(profiles), cli.WithEnv(passwords), cli.WithInterpolation(true), cli.WithConsistency(true), cli.WithNormalization(true))
	require.NoError(t, err)
	p, err := options.LoadProject(t.Context())
	require.NoError(t, err)
	return p
}

func TestComposeProfilesHoldWhatPeopleKnow(t *testing.T) {
	kafka := []string{"kafka-1", "kafka-2", "kafka-3", "registry", "registry-topics"}
	mongo := []string{"mongo-config", "mongo-replicas", "mongo-router", "mongo-s1m1", "mongo-s1m2", "mongo-s1m3", "mongo-s2m1", "mongo-s2m2", "mongo-s2m3", "mongo-shards"}
	clickhouse := []string{"clickhouse-s1r1", "clickhouse-s1r2", "clickhouse-s2r1", "clickhouse-s2r2", "keeper-1", "keeper-2", "keeper-3"}
	ours := []string{"edge", "init", "nginx", "projections", "streams"}
	watching := []string{"grafana", "prometheus"}
	for profile, want := range map[string][]string{
		"olap":    clickhouse,
		"oltp":    append([]string{"kafka-ui"}, kafka...),
		"nosql":   mongo,
		"api":     slices.Concat(kafka, mongo, ours),
		"default": slices.Concat(kafka, mongo, clickhouse, ours, watching, []string{"kafka-ui"}),
	} {
		t.Run(profile, func(t *testing.T) {
			p := project(t, []string{profile})
			slices.Sort(want)
			require.Equal(t, want, slices.Sorted(maps.Keys(p.Services)))
		})
	}
	require.Empty(t, project(t, nil).Services, "without a profile nothing starts by accident")
}

func TestComposeServicesAreFitForProduction(t *testing.T) {
	p := project(t, []string{"default"})
	once := []string{"init", "mongo-replicas", "mongo-shards", "registry-topics"}
	pinned := regexp.MustCompile(`:v?\d+(\.\d+)+[a-z0-9.-]*$`)
	for name, s := range p.Services {
		t.Run(name, func(t *testing.T) {
			if s.Build == nil {
				require.Regexp(t, pinned, s.Image, "an image without a version is another one tomorrow")
			}
			require.False(t, s.Privileged)
			require.NotEmpty(t, s.Restart)
			if slices.Contains(once, name) {
				require.Regexp(t, `^on-failure:\d+$`, s.Restart, "what is refused again and again must be said, not tried for ever")
			}
			require.Positive(t, s.MemLimit, "one service takes the memory of all")
			require.Equal(t, "json-file", s.Logging.Driver)
			require.NotEmpty(t, s.Logging.Options["max-size"], "logs fill the disk")
			if s.HealthCheck != nil {
				check := strings.Join(s.HealthCheck.Test, " ")
				require.NotContains(t, check, "localhost", "it may be ::1, where the server does not listen, and busybox tries no other")
				require.NotRegexp(t, `mongosh|\.sh\b`, check, "a JVM or a shell every few seconds costs a core")
			}
			for _, port := range s.Ports {
				require.Equal(t, "127.0.0.1", port.HostIP, "a port is open to this machine alone")
			}
			isOurs := s.Build != nil
			if isOurs {
				require.True(t, s.ReadOnly)
				require.Contains(t, s.CapDrop, "ALL")
				require.Equal(t, filepath.Join("deploy", "images", "Dockerfile"), s.Build.Dockerfile)
				onlySettings(t, name, slices.Collect(maps.Keys(s.Environment)))
			}
			checked := isOurs || s.HealthCheck != nil // the image of ours brings its own
			require.True(t, checked || slices.Contains(append(once, "grafana", "prometheus", "kafka-ui"), name), "nobody sees when it is sick")
			for other, d := range s.DependsOn {
				o, there := p.Services[other]
				require.True(t, there, other)
				if slices.Contains(once, other) {
					require.Equal(t, types.ServiceConditionCompletedSuccessfully, d.Condition, other)
				} else if o.HealthCheck != nil {
					require.Equal(t, types.ServiceConditionHealthy, d.Condition, other)
				}
			}
			for _, v := range s.Volumes {
				if v.Type == types.VolumeTypeBind {
					_, err := os.Stat(v.Source)
					require.NoError(t, err, "docker would make an empty folder of a file that is not there")
				}
			}
		})
	}
}

func TestComposeOverridesFit(t *testing.T) {
	dev := project(t, []string{"default"}, "compose.dev.yaml")
	for _, role := range []string{"edge", "streams", "projections"} {
		s := dev.Services[role]
		require.Equal(t, []string{"run", "--roles", role}, []string(s.Command), "the override changes how it is built, not what it does")
		require.Equal(t, "go", s.Entrypoint[0])
		require.True(t, slices.ContainsFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == "/src" && v.ReadOnly }), "sources are mounted")
		onlySettings(t, role, slices.Collect(maps.Keys(s.Environment)))
	}
	test := project(t, []string{"default"}, "compose.test.yaml")
	for name, s := range test.Services {
		for _, port := range s.Ports {
			require.Empty(t, port.Published, "%s: a fixed port lets one stack run alone", name)
		}
	}
	real := project(t, []string{"default"})
	require.NotEqual(t, real.Name, test.Name, "the tests would take the real stack's containers and volumes")
	for name, v := range test.Volumes {
		require.NotEqual(t, real.Volumes[name].Name, v.Name, "a volume of both")
	}
	for _, role := range []string{"init", "edge", "streams", "projections"} {
		require.True(t, *dev.Services[role].Init, "%s: go run as the first process passes no signal on", role)
	}
}

// keeps are where the images' own files say that a server writes: without a volume there, `down` and `up` begin with nothing.
var keeps = map[string]func(*types.ServiceConfig) string{
	"apache/kafka":                 func(s *types.ServiceConfig) string { return *s.Environment["KAFKA_LOG_DIRS"] },
	"clickhouse/clickhouse-server": func(*types.ServiceConfig) string { return "/var/lib/clickhouse" },
	"clickhouse/clickhouse-keeper": func(*types.ServiceConfig) string { return "/var/lib/clickhouse-keeper" },
	"prom/prometheus":              func(*types.ServiceConfig) string { return "/prometheus" },
	"grafana/grafana":              func(*types.ServiceConfig) string { return "/var/lib/grafana" },
	"mongo": func(s *types.ServiceConfig) string {
		if i := slices.Index(s.Command, "--dbpath"); i >= 0 {
			return s.Command[i+1]
		}
		return ""
	},
}

func TestComposeDataOutlivesContainers(t *testing.T) {
	p := project(t, []string{"default"})
	stateless := []string{"mongo-router", "mongo-replicas", "mongo-shards", "registry-topics"}
	volumes := map[string]string{}
	for name, s := range p.Services {
		image, _, _ := strings.Cut(s.Image, ":")
		keep := keeps[image]
		if keep == nil || slices.Contains(stateless, name) {
			continue
		}
		path := keep(&s)
		require.NotEmpty(t, path, "%s: say --dbpath, the image's entry point chooses another for a config server", name)
		i := slices.IndexFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == path })
		require.GreaterOrEqual(t, i, 0, "%s writes to %s, which is on no volume", name, path)
		require.Equal(t, types.VolumeTypeVolume, s.Volumes[i].Type, name)
		require.Empty(t, volumes[s.Volumes[i].Source], "%s and %s share a volume", name, volumes[s.Volumes[i].Source])
		volumes[s.Volumes[i].Source] = name
	}
	require.Len(t, volumes, len(p.Volumes), "a volume that nobody uses")
}

func TestComposeRolesScale(t *testing.T) {
	p := project(t, []string{"default"})
	for _, role := range []string{"edge", "streams", "projections"} {
		s := p.Services[role]
		require.Empty(t, s.ContainerName, role)
		require.Empty(t, s.Ports, "%s: a second container could not have the port", role)
		require.Empty(t, s.Volumes, "%s: a data folder belongs to one process; the image's own volume is each container's", role)
	}
	require.GreaterOrEqual(t, *p.Services["edge"].Deploy.Replicas, 2, "an upgrade of a single edge is an outage")
}

// A broker whose session is shorter than a few heartbeats is fenced at the first one that is late.
func TestComposeBrokersBeatOftenEnough(t *testing.T) {
	for name, s := range project(t, []string{"oltp"}).Services {
		if s.Environment["KAFKA_BROKER_SESSION_TIMEOUT_MS"] == nil {
			continue
		}
		session, err := strconv.Atoi(*s.Environment["KAFKA_BROKER_SESSION_TIMEOUT_MS"])
		require.NoError(t, err)
		require.NotNil(t, s.Environment["KAFKA_BROKER_HEARTBEAT_INTERVAL_MS"], name)
		beat, err := strconv.Atoi(*s.Environment["KAFKA_BROKER_HEARTBEAT_INTERVAL_MS"])
		require.NoError(t, err)
		require.LessOrEqual(t, 4*beat, session, name)
	}
}

func TestPasswordsHaveNoDefault(t *testing.T) {
	text := read(t, "deploy/compose/compose.yaml")
	for _, v := range passwords {
		name, _, _ := strings.Cut(v, "=")
		require.Contains(t, text, "${"+name+":?run make env}")
		require.NotRegexp(t, `\$\{`+name+`(:-[^}]*)?\}`, text, "a default password is everybody's")
		require.Regexp(t, `(?m)^`+name+`=$`, read(t, "deploy/compose/env.example"))
	}
}

func TestEverySettingOfTheStackHasALine(t *testing.T) {
	template := read(t, "deploy/compose/env.example")
	for _, m := range regexp.MustCompile(`(^|[^$])\$\{([A-Z0-9_]+)`).FindAllStringSubmatch(read(t, "deploy/compose/compose.yaml"), -1) {
		if m[2] == "UGC_LOG_LEVEL" {
			continue // of the program, documented there
		}
		require.Regexp(t, `(?m)^`+m[2]+`=`, template, m[2])
	}
}

// The cluster descriptions name containers; one that does not exist shows only when the stack is up.
func TestClusterDescriptionsNameServices(t *testing.T) {
	p := project(t, []string{"default"})
	var hosts []string
	for _, file := range []string{"cluster.xml", "keeper.xml"} {
		d := xml.NewDecoder(strings.NewReader(read(t, "deploy/compose/clickhouse", file)))
		in := ""
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			require.NoError(t, err, file)
			switch x := token.(type) {
			case xml.StartElement:
				in = x.Name.Local
				for _, a := range x.Attr {
					if a.Name.Local == "from_env" {
						for name, s := range p.Services {
							if strings.HasPrefix(name, map[string]string{"cluster.xml": "clickhouse-", "keeper.xml": "keeper-"}[file]) {
								require.Contains(t, s.Environment, a.Value, name)
							}
						}
					}
				}
			case xml.CharData:
				if in == "host" || in == "hostname" {
					hosts = append(hosts, string(x))
				}
			case xml.EndElement:
				in = ""
			}
		}
	}
	var cluster struct {
		Router string
		Config struct{ Members []string }
		Shards []struct {
			Name    string
			Members []string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, "deploy/compose/mongo/cluster.json")), &cluster))
	require.Len(t, cluster.Shards, 2)
	hosts = append(append(hosts, cluster.Router), cluster.Config.Members...)
	for _, s := range cluster.Shards {
		require.Len(t, s.Members, 3)
		hosts = append(hosts, s.Members...)
		for _, m := range s.Members {
			service, _, _ := strings.Cut(m, ":")
			require.Contains(t, p.Services[service].Command, s.Name, "%s runs with the name of its replica set", m)
		}
	}
	require.Len(t, hosts, 4+3+3+1+1+6)
	for _, h := range hosts {
		name, _, _ := strings.Cut(h, ":")
		require.Contains(t, p.Services, name)
	}
}

// Addresses in the settings of ours are those of services.
func TestOurServicesReachTheOthers(t *testing.T) {
	p := project(t, []string{"default"})
	env := p.Services["edge"].Environment
	for _, name := range []string{"UGC_KAFKA", "UGC_REGISTRY", "UGC_DOCUMENTS", "UGC_CLICKHOUSE"} {
		_, rest, ok := strings.Cut(*env[name], "://")
		require.True(t, ok, name)
		if at := strings.LastIndex(rest, "@"); at >= 0 {
			rest = rest[at+1:]
		}
		rest, _, _ = strings.Cut(rest, "/")
		for _, hostport := range strings.Split(rest, ",") {
			host, _, _ := strings.Cut(hostport, ":")
			require.Contains(t, p.Services, host, name)
		}
	}
	require.Contains(t, read(t, "deploy/compose/clickhouse/cluster.xml"), "<"+*env["UGC_CLICKHOUSE_CLUSTER"]+">")
}
