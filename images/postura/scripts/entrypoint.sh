#!/bin/sh
# MODE=api answers on PORT; MODE=batch (the default) works through --input and writes to --output.
# The mode is a variable (-e MODE=api) or the first word (docker run IMAGE MODE=api); the variable wins.
set -eu
mode=${MODE:-}
case ${1:-} in
MODE=*)
    mode=${mode:-${1#MODE=}}
    shift
    ;;
esac
# exec: the program itself is process 1 and gets SIGTERM
case ${mode:-batch} in
api) exec python3 -m pose.api "$@" ;;
batch) exec python3 -m pose.backend "$@" ;;
*)
    echo "entrypoint: MODE is '$mode', expected api or batch" >&2
    exit 2
    ;;
esac
