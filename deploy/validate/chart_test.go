package validate

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

const chartPath = root + "/deploy/helm/ugc"

type object = map[string]any

// everything switches on all that is off by default.
var everything = object{
	"clickhouseCluster": "main_cluster",
	"settings":          object{"UGC_KAFKA_SASL": "SCRAM-SHA-512", "UGC_VISIBLE_TIMEOUT": "2s"},
	"ingress":           object{"enabled": true, "host": "ugc.example.com", "tlsSecret": "tls", "className": "nginx", "annotations": object{"a": "b"}},
	"networkPolicy": object{
		"enabled": true, "from": []any{object{"namespaceSelector": object{}}}, "monitoring": []any{object{"podSelector": object{}}},
		"egress": object{"enabled": true, "to": []any{object{"ports": []any{object{"port": 9092.0, "protocol": "TCP"}}}}},
	},
	"serviceMonitor":    object{"enabled": true, "labels": object{"release": "prometheus"}, "authorization": object{"credentials": object{"name": "keys", "key": "metrics"}}},
	"prometheusRule":    object{"enabled": true, "labels": object{"release": "prometheus"}},
	"dashboards":        object{"enabled": true},
	"podLabels":         object{"team": "ugc"},
	"podAnnotations":    object{"x": "y"},
	"imagePullSecrets":  []any{object{"name": "pull"}},
	"extraVolumes":      []any{object{"name": "ca", "secret": object{"secretName": "ca"}}},
	"extraVolumeMounts": []any{object{"name": "ca", "mountPath": "/etc/ugc/ca", "readOnly": true}},
	"extraEnv":          []any{object{"name": "UGC_KAFKA_PASSWORD", "valueFrom": object{"secretKeyRef": object{"name": "kafka", "key": "password"}}}},
	"extraEnvFrom":      []any{object{"secretRef": object{"name": "more"}}},
	"projections":       object{"storage": object{"ephemeralVolume": true, "storageClassName": "fast"}},
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
		for probe, path := range map[string]string{"startupProbe": "/healthz/live", "readinessProbe": "/healthz/ready"} {
			require.Equal(t, path, at(container, probe, "httpGet", "path"), probe)
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

// kinds are the API's own types of what the chart makes: an unknown or misplaced field is an error.
var kinds = map[string]func() any{
	"ConfigMap": func() any { return new(core.ConfigMap) }, "Secret": func() any { return new(core.Secret) },
	"Pod": func() any { return new(core.Pod) }, "Service": func() any { return new(core.Service) }, "ServiceAccount": func() any { return new(core.ServiceAccount) },
	"Deployment": func() any { return new(apps.Deployment) }, "StatefulSet": func() any { return new(apps.StatefulSet) },
	"Job": func() any { return new(batch.Job) }, "HorizontalPodAutoscaler": func() any { return new(autoscaling.HorizontalPodAutoscaler) },
	"PodDisruptionBudget": func() any { return new(policy.PodDisruptionBudget) },
	"NetworkPolicy":       func() any { return new(networking.NetworkPolicy) }, "Ingress": func() any { return new(networking.Ingress) },
}

func TestChartObjectsAreOfTheAPIsTypes(t *testing.T) {
	for name, values := range map[string]object{"defaults": {}, "everything": everything} {
		for key, o := range rendered(t, values) {
			kind, _, _ := strings.Cut(key, " ")
			typed := kinds[kind]
			if typed == nil {
				require.Contains(t, []string{"ServiceMonitor", "PrometheusRule"}, kind, "%s: name its type", key)
				continue
			}
			text, err := yaml.Marshal(o)
			require.NoError(t, err)
			require.NoError(t, yaml.UnmarshalStrict(text, typed()), "%s: %s", name, key)
		}
	}
}

// pods are the specifications of all pods that the chart makes, by workload.
func pods(objects map[string]object) map[string]any {
	out := map[string]any{}
	for key, o := range objects {
		if spec := at(o, "spec", "template", "spec"); spec != nil {
			out[key] = spec
		}
	}
	return out
}

// What a cluster's policies ask of a pod, and what would stop one from starting.
func TestChartPodsStartAnywhere(t *testing.T) {
	all := pods(rendered(t, everything))
	require.Len(t, all, 4)
	for key, pod := range all {
		require.Equal(t, false, at(pod, "enableServiceLinks"), "%s: the program would be given UGC_PORT and the like", key)
		require.Equal(t, false, at(pod, "automountServiceAccountToken"), key)
		container := at(pod, "containers", 0)
		require.NotNil(t, at(container, "resources", "limits", "memory"), key)
		require.Equal(t, object{
			"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true, "runAsUser": 65532.0, "runAsGroup": 65532.0,
			"capabilities": object{"drop": []any{"ALL"}}, "seccompProfile": object{"type": "RuntimeDefault"},
		}, at(container, "securityContext"), key)
		require.Contains(t, at(container, "volumeMounts"), object{"name": "ca", "mountPath": "/etc/ugc/ca", "readOnly": true}, key)
		require.Contains(t, at(pod, "volumes"), object{"name": "ca", "secret": object{"secretName": "ca"}}, key)
		require.Contains(t, at(container, "env"), everything["extraEnv"].([]any)[0], key)
		require.Contains(t, at(container, "envFrom"), everything["extraEnvFrom"].([]any)[0], key)
		mounted := map[any]bool{}
		for _, m := range at(container, "volumeMounts").([]any) {
			mounted[at(m, "name")] = true
		}
		for _, v := range at(pod, "volumes").([]any) {
			require.True(t, mounted[at(v, "name")], "%s: %s is mounted nowhere", key, at(v, "name"))
		}
	}
}

// A roll, a drain and a slow restore go well: see the comments in the chart.
func TestChartRollsWithoutErrors(t *testing.T) {
	objects := rendered(t, object{})
	settings := at(objects["ConfigMap cinema-ugc"], "data").(object)
	delay, err := time.ParseDuration(settings["UGC_DRAIN_DELAY"].(string))
	require.NoError(t, err)
	require.Positive(t, delay, "load balancers need time to notice")
	for key, pod := range pods(objects) {
		if strings.HasPrefix(key, "Job") {
			continue
		}
		grace := time.Duration(at(pod, "terminationGracePeriodSeconds").(float64)) * time.Second
		require.Greater(t, grace, delay+20*time.Second, "%s: longer than the stop itself, UGC_SHUTDOWN_TIMEOUT", key)
		require.Len(t, at(pod, "topologySpreadConstraints"), 2, "%s: over zones, then over nodes", key)
	}
	for key, o := range objects {
		if strings.HasPrefix(key, "PodDisruptionBudget") {
			require.Equal(t, object{"maxUnavailable": 1.0, "selector": at(o, "spec", "selector")}, at(o, "spec"), "%s: one replica alone blocks no drain", key)
		}
	}
	require.Less(t, at(objects["Job cinema-ugc-init"], "spec", "activeDeadlineSeconds"), 300.0, "helm waits for five minutes")
	for _, kind := range []string{"ConfigMap", "Secret"} {
		policy := at(objects[kind+" cinema-ugc-init"], "metadata", "annotations", "helm.sh/hook-delete-policy")
		require.Contains(t, policy, "hook-succeeded", "what the hook needed does not outlive it")
	}
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
		"streams by HPA":   {"streams": object{"autoscaling": object{"enabled": true}}},
		"misspelt setting": {"settings": object{"ugc_log_level": "debug"}},
		"embedded broker":  {"kafka": "embedded://127.0.0.1:9092"},
		"negative":         {"edge": object{"replicas": -1}},
	} {
		_, err := render(c, values)
		require.Error(t, err, name)
	}
}
