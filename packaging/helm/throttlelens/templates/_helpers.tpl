{{- /*
SPDX-License-Identifier: Apache-2.0
*/ -}}
{{- define "throttlelens.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "throttlelens.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "throttlelens.labels" -}}
{{ include "throttlelens.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "throttlelens.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "throttlelens.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "throttlelens.priorityClassName" -}}
{{- if .Values.priorityClass.create -}}
{{- default (include "throttlelens.fullname" .) .Values.priorityClass.name -}}
{{- else -}}
{{- .Values.priorityClass.name -}}
{{- end -}}
{{- end -}}

{{- define "throttlelens.image" -}}
{{- $tagged := printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- if .Values.image.digest -}}{{ $tagged }}@{{ .Values.image.digest }}{{- else -}}{{ $tagged }}{{- end -}}
{{- end -}}

{{- /* Of the chosen runtime: its key in the configuration, its state directory, the folder of its bundles. */ -}}
{{- define "throttlelens.runtime" -}}
{{- $known := dict
  "containerd" (list "containerd" "/run/containerd")
  "k3s" (list "containerd" "/run/k3s/containerd")
  "k0s" (list "containerd" "/run/k0s/containerd")
  "microk8s" (list "containerd" "/var/snap/microk8s/common/run/containerd")
  "crio" (list "crio" "/run/containers/storage")
  "docker" (list "docker" "/var/lib/docker") -}}
{{- $below := dict "containerd" "io.containerd.runtime.v2.task" "crio" "overlay-containers" "docker" "containers" -}}
{{- $runtime := get $known .Values.runtime -}}
{{- $state := default (index $runtime 1) .Values.stateDirectory -}}
key: {{ index $runtime 0 }}
state: {{ $state | quote }}
bundles: {{ printf "%s/%s" $state (get $below (index $runtime 0)) | quote }}
{{- end -}}

{{- /* throttlelens.yaml: what the chart sets, and over it the values' config. */ -}}
{{- define "throttlelens.config" -}}
{{- $config := dict "listen" "[::]:9976" -}}
{{- if .Values.stateDirectory -}}
{{- $runtime := include "throttlelens.runtime" . | fromYaml -}}
{{- $_ := set $config "runtimes" (dict $runtime.key (list $runtime.state)) -}}
{{- end -}}
{{- if .Values.web.enabled -}}
{{- $_ := set $config "web_config_file" "/etc/throttlelens/web/web-config.yml" -}}
{{- end -}}
{{- toYaml (mergeOverwrite $config (deepCopy .Values.config)) -}}
{{- end -}}

{{- define "throttlelens.port" -}}
{{- (include "throttlelens.config" . | fromYaml).listen | toString | regexFind "[0-9]+$" -}}
{{- end -}}

{{- define "throttlelens.https" -}}
{{- if and .Values.web.enabled .Values.web.tls -}}yes{{- end -}}
{{- end -}}

{{- define "throttlelens.probe" -}}
{{- $root := index . 0 -}}
{{- if and $root.Values.web.enabled $root.Values.web.clientCertificates -}}
tcpSocket:
  port: metrics
{{- else -}}
httpGet:
  path: {{ index . 1 }}
  port: metrics
  {{- if include "throttlelens.https" $root }}
  scheme: HTTPS
  {{- end }}
{{- end -}}
{{- end -}}
