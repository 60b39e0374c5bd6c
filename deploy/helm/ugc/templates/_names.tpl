{{- define "ugc.name" -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{- if not (contains "ugc" .Release.Name) }}-ugc{{ end }}{{- end }}

{{- define "ugc.image" -}}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{- end }}

{{- define "ugc.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "ugc.name" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{- define "ugc.secret" -}}{{ .Values.existingSecret | default (include "ugc.name" .) }}{{- end }}

{{- define "ugc.labels" -}}
app.kubernetes.io/name: ugc
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* Selector of one role: (list $ "edge"). */ -}}
{{- define "ugc.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: ugc
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}
