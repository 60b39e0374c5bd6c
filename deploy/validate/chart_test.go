package validate

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"sigs.k8s.io/yaml"
)

const chartPath = root + "/deploy/helm/ugc"

type object = map[string]any

// everything switches on all that is off by default.
var everything = object{
	"clickhouseCluster": "main_cluster",
	"settings":          object{"UGC_KAFKA_SASL": "SCRAM-SHA-512", "UGC_VISIBLE_TIMEOUT": "2s"},
	"ingress":           object{"enabled": true, "host": "ugc.example.com", "tlsSecret": "tls", "className": "nginx", "annotations": object{"a": "b"}},
	"networkPolicy":     object{"enabled": true, "from": []any{object{"namespaceSelector": object{}}}},
	"serviceMonitor":    object{"enabled": true, "labels": object{"release": "prometheus"}, "authorization": object{"credentials": object{"name": "keys", "key": "metrics"}}},
	"prometheusRule":    object{"enabled": true, "labels": object{"release": "prometheus"}},
	"dashboards":        object{"enabled": true},
	"podLabels":         object{"team": "ugc"},
	"podAnnotations":    object{"x": "y"},
	"imagePullSecrets":  []any{object{"name": "pull"}},
	"edge":              object{"env": object{"GOMEMLIMIT": "700MiB"}, "nodeSelector": object{"disk": "ssd"}, "tolerations": []any{object{"key": "k", "operator": "Exists"}}},
}

func TestChartPassesHelmsLint(t *testing.T) {
	for name, values := range map[string]object{"defaults": {}, "everything": everything} {
		result := lint.All(chartPath, values, "ugc", true)
		for _, m := range result.Messages {
			require.LessOrEqual(t, m.Severity, support.InfoSev, "%s: %s", name, m)
		}
	}
}

// rendered are the objects that helm would send, by kind and name.
func rendered(t *testing.T, values object) map[string]object {
	t.Helper()
	c, err := loader.LoadDir(chartPath)
	require.NoError(t, err)
	out, err := render(c, values)
	require.NoError(t, err)
	objects := map[string]object{}
	for file, text := range out {
		if filepath.Base(file) == "NOTES.txt" {
			continue
		}
		for _, document := range strings.Split(text, "\n---") {
			var o object
			require.NoError(t, yaml.UnmarshalStrict([]byte(document), &o), "%s\n%s", file, document)
			if len(o) == 0 {
				continue
			}
			key := o["kind"].(string) + " " + at(o, "metadata", "name").(string)
			require.NotContains(t, objects, key, "two objects of one name")
			objects[key] = o
		}
	}
	return objects
}

func render(c *chart.Chart, values object) (map[string]string, error) {
	if err := chartutil.ValidateAgainstSchema(c, mustCoalesce(c, values)); err != nil {
		return nil, err
	}
	v, err := chartutil.ToRenderValues(c, values, chartutil.ReleaseOptions{Name: "cinema", Namespace: "films", IsInstall: true}, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Engine{Strict: true}.Render(c, v)
}

func mustCoalesce(c *chart.Chart, values object) object {
	v, err := chartutil.CoalesceValues(c, values)
	if err != nil {
		panic(err)
	}
	return v
}

// at follows keys and indexes.
func at(o any, path ...any) any {
	for _, p := range path {
		switch key := p.(type) {
		case string:
			m, ok := o.(object)
			if !ok {
				return nil
			}
			o = m[key]
		case int:
			l, ok := o.([]any)
			if !ok || key >= len(l) {
				return nil
			}
			o = l[key]
		}
	}
	return o
}

func TestChartHasARoleAWorkload(t *testing.T) {
	objects := rendered(t, object{})
	for role, kind := range map[string]string{"edge": "Deployment", "streams": "StatefulSet", "projections": "Deployment"} {
		o := objects[kind+" cinema-ugc-"+role]
		require.NotNil(t, o, role)
		container := at(o, "spec", "template", "spec", "containers", 0)
		require.Equal(t, []any{"run", "--roles", role}, at(container, "args"))
		for _, probe := range []string{"startupProbe", "readinessProbe"} {
			require.Equal(t, "/healthz/ready", at(container, probe, "httpGet", "path"))
		}
		require.Equal(t, "/healthz/live", at(container, "livenessProbe", "httpGet", "path"), "a broker that is away is no reason to kill a process")
		require.Equal(t, true, at(container, "securityContext", "readOnlyRootFilesystem"))
		require.Equal(t, true, at(container, "securityContext", "runAsNonRoot"))
		require.NotNil(t, objects["PodDisruptionBudget cinema-ugc-"+role], role)

		labels := at(o, "spec", "template", "metadata", "labels").(object)
		for k, v := range at(o, "spec", "selector", "matchLabels").(object) {
			require.Equal(t, v, labels[k], "a workload must select its own pods")
		}
		require.Equal(t, at(o, "spec", "selector"), at(objects["PodDisruptionBudget cinema-ugc-"+role], "spec", "selector"))
	}
	for _, role := range []string{"edge", "projections"} {
		require.NotNil(t, objects["HorizontalPodAutoscaler cinema-ugc-"+role])
		require.Nil(t, at(objects["Deployment cinema-ugc-"+role], "spec", "replicas"), "the autoscaler counts, not the chart")
	}
	require.Equal(t, object{"name": "http", "port": 80.0, "targetPort": "http"}, at(objects["Service cinema-ugc"], "spec", "ports", 0))
}

func TestChartSetsOnlyWhatTheProgramKnows(t *testing.T) {
	objects := rendered(t, everything)
	for _, name := range []string{"ConfigMap cinema-ugc", "ConfigMap cinema-ugc-init"} {
		onlySettings(t, name, slices.Collect(maps.Keys(at(objects[name], "data").(object))))
	}
	for _, name := range []string{"Secret cinema-ugc", "Secret cinema-ugc-init"} {
		onlySettings(t, name, slices.Collect(maps.Keys(at(objects[name], "stringData").(object))))
	}
	config := at(objects["ConfigMap cinema-ugc"], "data").(object)
	require.NotEmpty(t, config["UGC_AUTH_JWKS"], "the edge does not start on other than loopback addresses with nobody asked who they are")
	for key := range at(objects["Secret cinema-ugc"], "stringData").(object) {
		require.NotContains(t, config, key, "what is secret is in the secret alone")
	}
}

func TestChartInitRunsBeforeEverything(t *testing.T) {
	objects := rendered(t, object{})
	job := objects["Job cinema-ugc-init"]
	require.Equal(t, "pre-install,pre-upgrade", at(job, "metadata", "annotations", "helm.sh/hook"))
	for _, kind := range []string{"ConfigMap", "Secret"} {
		o := objects[kind+" cinema-ugc-init"]
		require.Equal(t, "pre-install,pre-upgrade", at(o, "metadata", "annotations", "helm.sh/hook"), "the job reads it before the release's own is there")
		require.Equal(t, "-10", at(o, "metadata", "annotations", "helm.sh/hook-weight"))
	}
	require.Nil(t, rendered(t, object{"init": object{"enabled": false}})["Job cinema-ugc-init"])
}

func TestChartUsesAnExistingSecret(t *testing.T) {
	objects := rendered(t, object{"existingSecret": "mine"})
	require.Nil(t, objects["Secret cinema-ugc"])
	require.Equal(t, "mine", at(objects["Deployment cinema-ugc-edge"], "spec", "template", "spec", "containers", 0, "envFrom", 1, "secretRef", "name"))
	require.Equal(t, "mine", at(objects["Job cinema-ugc-init"], "spec", "template", "spec", "containers", 0, "envFrom", 1, "secretRef", "name"))
}

func TestChartWatches(t *testing.T) {
	objects := rendered(t, everything)
	require.Equal(t, "/metrics", at(objects["ServiceMonitor cinema-ugc"], "spec", "endpoints", 0, "path"))
	require.Equal(t, "keys", at(objects["ServiceMonitor cinema-ugc"], "spec", "endpoints", 0, "authorization", "credentials", "name"))
	var rules object
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "deploy/prometheus/alerts.yaml")), &rules))
	require.Equal(t, rules["groups"], at(objects["PrometheusRule cinema-ugc"], "spec", "groups"), "one set of alerts, wherever it runs")
	boards := at(objects["ConfigMap cinema-ugc-dashboards"], "data").(object)
	require.Equal(t, read(t, "deploy/grafana/overview.json"), boards["overview.json"])
	require.Len(t, boards, 2)
	for _, path := range at(objects["Ingress cinema-ugc"], "spec", "rules", 0, "http", "paths").([]any) {
		require.NotContains(t, at(path, "path"), "metrics")
	}
}

func TestChartRefusesWhatItDoesNotKnow(t *testing.T) {
	c, err := loader.LoadDir(chartPath)
	require.NoError(t, err)
	for name, values := range map[string]object{
		"misspelt":         {"replica": 3},
		"misspelt setting": {"settings": object{"ugc_log_level": "debug"}},
		"embedded broker":  {"kafka": "embedded://127.0.0.1:9092"},
		"negative":         {"edge": object{"replicas": -1}},
	} {
		_, err := render(c, values)
		require.Error(t, err, name)
	}
}
