#!/bin/sh
# Installs the foreign programs that tests/interop runs against, as far as this machine allows; what is missing
# is skipped by the tests. As an administrator on Debian; npm's packages go to ~/.cache/pyconquest_rt_peers,
# or to the folder that PYCONQUEST_RT_PEERS names.
set -u
folder="${PYCONQUEST_RT_PEERS:-$HOME/.cache/pyconquest_rt_peers}"

if command -v apt-get >/dev/null; then
    apt-get update -qq
    for package in dcmtk orthanc orthanc-dicomweb python3-odil openssl; do
        DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$package" >/dev/null ||
            echo "$package could not be installed" >&2
    done
fi
if command -v npm >/dev/null; then
    mkdir -p "$folder"
    npm install --silent --no-fund --no-audit --prefix "$folder" dcmjs-dimse@0.3.3 ||
        echo "dcmjs-dimse could not be installed" >&2
else
    echo "npm is not installed: without dcmjs-dimse" >&2
fi
