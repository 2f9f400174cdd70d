#!/usr/bin/env bash
# Build the container image avatarflow:cpu or avatarflow:gpu from Debian's and Python's registries, without a base image.
#
#   envs/container/build.sh [cpu|gpu]
#   podman --runtime runc run --network none --ulimit nofile=20000:20000 --ulimit nproc=32768:32768 \
#     --volume "$PWD:/work" avatarflow:cpu --cores 2 --configfile my.yaml
#
# Needs root and the Debian packages buildah, debootstrap, podman, runc. DEBIAN_MIRROR, PIP_INDEX_URL and
# PIP_EXTRA_INDEX_URL are honoured; for gpu, let the index give torch's CUDA build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
variant="${1:-cpu}"
envs/lock.sh "$variant" >/dev/null # refuses an unknown variant before anything is built

for command in buildah debootstrap; do
  command -v "$command" >/dev/null || {
    echo "build.sh: $command not found; apt-get install buildah debootstrap podman runc" >&2
    exit 1
  }
done

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates,git \
  bookworm "$work/root" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}"
mkdir "$work/context"
git archive HEAD | tar -x -C "$work/context"
tar -C "$work/root" -cf "$work/context/root.tar" .
buildah --storage-driver overlay build --isolation chroot \
  --build-arg "VARIANT=$variant" --build-arg "PIP_INDEX_URL=${PIP_INDEX_URL:-}" \
  --build-arg "PIP_EXTRA_INDEX_URL=${PIP_EXTRA_INDEX_URL:-}" \
  --tag "avatarflow:$variant" --file envs/container/Containerfile "$work/context"
