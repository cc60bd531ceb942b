{{/* Labels of an object: call with (list $ component name version). */}}
{{- define "marblerun.labels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/created-by: {{ $root.Values.global.createdBy | quote }}
app.kubernetes.io/name: {{ index . 2 }}
app.kubernetes.io/part-of: marblerun
app.kubernetes.io/version: {{ index . 3 | default $root.Chart.AppVersion | trunc 63 | trimAll "-_." | quote }}
{{- end }}

{{/* Labels by which pods are found: call with (list $ component). */}}
{{- define "marblerun.selector" -}}
{{- $root := index . 0 -}}
{{ $root.Values.global.coordinatorComponentLabel }}: {{ index . 1 }}
{{ $root.Values.global.coordinatorNamespaceLabel }}: {{ $root.Release.Namespace }}
{{- end }}

{{/* repository/image:version@hash: call with (list $ values). */}}
{{- define "marblerun.image" -}}
{{- $root := index . 0 -}}
{{- $v := index . 1 -}}
{{ $v.repository }}/{{ $v.image }}:{{ $v.version | default $root.Chart.AppVersion }}{{ with $v.hash }}@{{ . }}{{ end }}
{{- end }}

{{/* Names in the coordinator's certificates. */}}
{{- define "marblerun.dnsNames" -}}
{{- $names := list "localhost" -}}
{{- $domain := .Values.coordinator.clusterDomain -}}
{{- $namespace := .Release.Namespace -}}
{{- range list "coordinator-mesh-api" "coordinator-client-api" -}}
{{- $names = concat $names (list . (printf "%s.%s" . $namespace) (printf "%s.%s.svc" . $namespace) (printf "%s.%s.svc.%s" . $namespace $domain)) -}}
{{- end -}}
{{- with .Values.coordinator.hostname -}}
{{- $names = concat (list .) $names -}}
{{- end -}}
{{ join "," $names }}
{{- end }}

{{/* The service that the quote provider's address belongs to, without the interface's path. */}}
{{- define "marblerun.pccs" -}}
{{ .Values.dcap.pccsUrl | trimSuffix "/" | trimSuffix "/sgx/certification/v4" }}
{{- end }}

{{/* "true" or nothing, whatever way it is written. */}}
{{- define "marblerun.isTrue" -}}
{{- if eq (toString . | lower) "true" "1" -}}true{{- end -}}
{{- end }}
