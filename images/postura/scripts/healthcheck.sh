#!/bin/sh
# Healthy is a batch that is alive, and an API whose /healthz answers 2xx.
set -eu
# [.] keeps this grep from finding its own command line
if grep -qs 'pose[.]backend' /proc/[0-9]*/cmdline; then
    exit 0
fi
exec curl --fail --silent --show-error --max-time 8 "http://127.0.0.1:${PORT:-8000}/healthz"
