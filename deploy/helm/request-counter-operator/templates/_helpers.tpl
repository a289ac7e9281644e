{{- define "operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "operator.fullname" -}}
{{- $name := include "operator.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "operator.serviceAccount" -}}
{{- default (include "operator.fullname" .) .Values.serviceAccount.name }}
{{- end }}

{{/* name, namespace and labels of an object in the release's namespace */}}
{{- define "operator.metadata" -}}
name: {{ include "operator.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "operator.labels" . | nindent 2 }}
{{- end }}

{{- define "operator.labels" -}}
app.kubernetes.io/name: {{ include "operator.name" . }}
app.kubernetes.io/part-of: request-counter
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* the label by which the operator's pods are selected; never changed by an upgrade */}}
{{- define "operator.selector" -}}
app: {{ include "operator.fullname" . }}
{{- end }}

{{/* list: the root, an image of values */}}
{{- define "operator.image" -}}
{{- $root := index . 0 }}
{{- $image := index . 1 }}
{{- with $root.Values.registry }}{{ trimSuffix "/" . }}/{{ end }}
{{- $image.repository }}:{{ default $root.Chart.AppVersion $image.tag }}
{{- with $image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* Only what differs from the operator's own defaults: those have one place, its settings. */}}
{{- define "operator.settings" -}}
{{- $service := include "operator.image" (list . .Values.serviceImage) }}
{{- if ne $service (printf "request-counter/service:%s" .Chart.AppVersion) }}
- {name: OPERATOR_SERVICE_IMAGE, value: {{ $service | quote }}}
{{- end }}
{{- with .Values.redisImage }}
- {name: OPERATOR_REDIS_IMAGE, value: {{ . | quote }}}
{{- end }}
{{- with .Values.log.level }}
- {name: OPERATOR_LOG_LEVEL, value: {{ . | quote }}}
{{- end }}
{{- with .Values.log.format }}
- {name: OPERATOR_LOG_FORMAT, value: {{ . | quote }}}
{{- end }}
{{- with .Values.ingress.httpPort }}
- {name: OPERATOR_INGRESS_HTTP_PORT, value: {{ int64 . | quote }}}
{{- end }}
{{- with .Values.ingress.httpsPort }}
- {name: OPERATOR_INGRESS_HTTPS_PORT, value: {{ int64 . | quote }}}
{{- end }}
{{- with .Values.reconcile.workers }}
- {name: OPERATOR_WORKERS, value: {{ int64 . | quote }}}
{{- end }}
{{- with .Values.reconcile.totalIntervalSeconds }}
- {name: OPERATOR_TOTAL_INTERVAL_S, value: {{ int64 . | quote }}}
{{- end }}
{{- with .Values.reconcile.resyncIntervalSeconds }}
- {name: OPERATOR_RESYNC_INTERVAL_S, value: {{ int64 . | quote }}}
{{- end }}
{{- end }}
