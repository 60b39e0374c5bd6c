{{- /* What the containers of every role have in common. */ -}}

{{- define "ugc.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- /* The pod of a role: (list $ "edge" .Values.edge). The volume "data" is the workload's to give. */ -}}
{{- define "ugc.pod" -}}
{{- $root := index . 0 -}}{{- $role := index . 1 -}}{{- $values := index . 2 -}}
metadata:
  labels:
    {{- include "ugc.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ $role }}
    {{- with $root.Values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    # A change of settings or secrets starts the pods anew.
    checksum/settings: {{ include (print $root.Template.BasePath "/settings.yaml") $root | sha256sum }}
    {{- with $root.Values.existingSecret }}
    # So does a change of the secret that is not the chart's, at the next `helm upgrade`; without a cluster to ask, it is empty.
    checksum/secret: {{ get (lookup "v1" "Secret" $root.Release.Namespace .) "data" | toJson | sha256sum }}
    {{- end }}
    {{- with $root.Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "ugc.serviceAccount" $root }}
  automountServiceAccountToken: false
  # Kubernetes would set UGC_PORT and the like for the chart's own Services.
  enableServiceLinks: false
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets: {{ toYaml . | nindent 4 }}
  {{- end }}
  terminationGracePeriodSeconds: {{ $root.Values.terminationGracePeriodSeconds }}
  securityContext: {fsGroup: 65532, fsGroupChangePolicy: OnRootMismatch}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "ugc.selector" (list $root $role) | nindent 10 }}
    {{- end }}
  containers:
    - name: {{ $role }}
      image: {{ include "ugc.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: ["run", "--roles", {{ $role | quote }}]
      envFrom:
        - configMapRef: {name: {{ include "ugc.name" $root }}}
        - secretRef: {name: {{ include "ugc.secret" $root }}}
        {{- with $root.Values.extraEnvFrom }}{{ toYaml . | nindent 8 }}{{ end }}
      {{- if or $values.env $root.Values.extraEnv }}
      env:
        {{- range $name, $value := $values.env }}
        - {name: {{ $name }}, value: {{ $value | quote }}}
        {{- end }}
        {{- with $root.Values.extraEnv }}{{ toYaml . | nindent 8 }}{{ end }}
      {{- end }}
      ports: [{name: http, containerPort: 8000}]
      # A start asks for life alone: a table may take long to restore, and a process that is ended meanwhile begins again.
      startupProbe: {httpGet: {path: /healthz/live, port: http}, periodSeconds: 5, timeoutSeconds: 4, failureThreshold: 60}
      readinessProbe: {httpGet: {path: /healthz/ready, port: http}, periodSeconds: 5, timeoutSeconds: 4, failureThreshold: 2}
      livenessProbe: {httpGet: {path: /healthz/live, port: http}, periodSeconds: 10, timeoutSeconds: 4, failureThreshold: 6}
      resources: {{- toYaml $values.resources | nindent 8 }}
      securityContext: {{- include "ugc.security" $root | nindent 8 }}
      volumeMounts:
        - {name: data, mountPath: /var/lib/ugc}
        {{- with $root.Values.extraVolumeMounts }}{{ toYaml . | nindent 8 }}{{ end }}
  {{- with $values.nodeSelector }}
  nodeSelector: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity: {{ toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- /* A Deployment over disks that may be lost: (list $ "edge" .Values.edge). */ -}}
{{- define "ugc.deployment" -}}
{{- $root := index . 0 -}}{{- $role := index . 1 -}}{{- $values := index . 2 -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "ugc.name" $root }}-{{ $role }}
  labels:
    {{- include "ugc.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ $role }}
spec:
  {{- if not $values.autoscaling.enabled }}
  replicas: {{ $values.replicas }}
  {{- end }}
  selector:
    matchLabels: {{- include "ugc.selector" (list $root $role) | nindent 6 }}
  strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  template:
    {{- include "ugc.pod" . | nindent 4 }}
      volumes:
        {{- if $values.storage.ephemeralVolume }}
        # A volume of its own for each pod: what it holds does not count against the node's disk, and no node evicts for it.
        - name: data
          ephemeral:
            volumeClaimTemplate:
              spec:
                accessModes: [ReadWriteOnce]
                {{- with $values.storage.storageClassName }}
                storageClassName: {{ . }}
                {{- end }}
                resources: {requests: {storage: {{ $values.storage.size }}}}
        {{- else }}
        - {name: data, emptyDir: {sizeLimit: {{ $values.storage.size }}}}
        {{- end }}
        {{- with $root.Values.extraVolumes }}{{ toYaml . | nindent 8 }}{{ end }}
{{- end }}

{{- define "ugc.autoscaler" -}}
{{- $root := index . 0 -}}{{- $role := index . 1 -}}{{- $values := index . 2 -}}
{{- if $values.autoscaling.enabled }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ include "ugc.name" $root }}-{{ $role }}
  labels: {{- include "ugc.labels" $root | nindent 4 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ include "ugc.name" $root }}-{{ $role }}}
  minReplicas: {{ $values.autoscaling.minReplicas }}
  maxReplicas: {{ $values.autoscaling.maxReplicas }}
  behavior:
    scaleDown: {stabilizationWindowSeconds: 300} # each change moves partitions
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: {{ $values.autoscaling.targetCPUUtilizationPercentage }}}}
    {{- with $values.autoscaling.metrics }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end }}
{{- end }}

{{- define "ugc.budget" -}}
{{- $root := index . 0 -}}{{- $role := index . 1 -}}{{- $values := index . 2 -}}
{{- if $values.pdb.enabled }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "ugc.name" $root }}-{{ $role }}
  labels: {{- include "ugc.labels" $root | nindent 4 }}
spec:
  # At most so many at once are taken away on purpose: a drain goes on also where there is a single replica.
  maxUnavailable: {{ $values.pdb.maxUnavailable }}
  selector:
    matchLabels: {{- include "ugc.selector" (list $root $role) | nindent 6 }}
{{- end }}
{{- end }}
