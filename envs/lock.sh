#!/usr/bin/env bash
# The locked packages of a variant: `lock.sh cpu` (the lock as it is) or `lock.sh gpu` (faiss built for GPUs, same version).
set -euo pipefail
lock="$(dirname "${BASH_SOURCE[0]}")/requirements.lock"
case "${1:-cpu}" in
cpu) cat "$lock" ;;
gpu) sed 's/^faiss-cpu==/faiss-gpu==/' "$lock" ;;
*)
  echo "lock.sh: found variant '$1'; use cpu or gpu" >&2
  exit 1
  ;;
esac
