#!/usr/bin/env bash
# Writes the shells' completion scripts into a folder, as the program itself generates them, and kubectl's for the plugin.
# Usage: hack/completions.sh FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=${1:?usage: hack/completions.sh FOLDER}
rm -rf "$folder"
mkdir -p "$folder"
tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT

# For this machine, whatever platform the release is for.
GOOS='' GOARCH='' CGO_ENABLED=0 "${GO:-go}" build -o "$tool/seldonctl" ./cmd/seldonctl
"$tool/seldonctl" completion bash >"$folder/seldonctl.bash"
"$tool/seldonctl" completion zsh >"$folder/_seldonctl"
"$tool/seldonctl" completion fish >"$folder/seldonctl.fish"
"$tool/seldonctl" completion powershell >"$folder/seldonctl.ps1"
"$tool/seldonctl" completion kubectl >"$folder/kubectl_complete-seldon"
chmod +x "$folder/kubectl_complete-seldon"
