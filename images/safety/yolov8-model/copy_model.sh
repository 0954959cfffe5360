#!/bin/bash
# Copies the model into the volume, whole or not at all, and stays until it is told to stop.
set -euo pipefail
from=${MODEL_SOURCE:-/app}
to=${MODEL_VOLUME:-/models}

if [ ! -f "$from/best.pt" ]; then
    echo "copy_model: there is no $from/best.pt" >&2
    exit 1
fi
(cd "$from" && sha256sum --check --quiet best.pt.sha256)
cp "$from/best.pt" "$to/.best.pt.new"
mv "$to/.best.pt.new" "$to/best.pt"
echo "copy_model: best.pt is in $to, $(stat -c %s "$to/best.pt") bytes"

# bash as process 1 ignores SIGTERM unless told, and runs a trap only between commands
trap 'exit 0' TERM INT
while true; do
    sleep 3600 &
    wait $!
done
