#!/usr/bin/env bash
# Build the container image avatarflow:cpu or avatarflow:gpu from Debian's and Python's registries, without a base image.
#
#   envs/container/build.sh [cpu|gpu] [file.tar]   with a file, the image is also written there, for apptainer build or podman load
#   podman --runtime runc run --network none --ulimit nofile=20000:20000 --ulimit nproc=32768:32768 \
#     --volume "$PWD:/work" avatarflow:cpu --cores 2 --configfile my.yaml
#
# Needs root and the Debian packages buildah, debootstrap, podman, runc. DEBIAN_MIRROR and pip's own settings (pip.conf, PIP_*)
# are honoured and leave nothing in the image; for gpu, let the index give torch's CUDA build. Built from the last commit.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
variant="${1:-cpu}"
file="${2:-}"
envs/lock.sh "$variant" >/dev/null # refuses an unknown variant before anything is built

for command in buildah debootstrap; do
  command -v "$command" >/dev/null || {
    echo "build.sh: $command not found; apt-get install buildah debootstrap podman runc" >&2
    exit 1
  }
done

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# pip's settings as one file that the build sees, with the folders and certificates that they name
python3 -m pip config list | python3 -c '
import sys
found = dict(line.split("=", 1) for line in sys.stdin.read().splitlines())
settings = {key.rpartition(".")[2]: value.strip("\x27\"") for key, value in found.items()}
print("[global]", *(f"{key} = {value}" for key, value in settings.items()), sep="\n")
' >"$work/pip.conf"
volumes=(--volume "$work/pip.conf:/etc/pip.conf:ro")
# an index in a folder links to files beside it
for path in $(grep -oE '(^| )(file://)?/[^ ]+' "$work/pip.conf" | sed -E 's|^ *||; s|^file://(.*[^/])/?$|\1/..|' | sort -u); do
  [[ -e $path ]] && volumes+=(--volume "$(realpath "$path"):$(realpath -s "$path"):ro")
done

debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates,git \
  bookworm "$work/root" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}"
mkdir -p "$work/context/project"
git archive HEAD | tar -x -C "$work/context/project"
tar -C "$work/root" -cf "$work/context/root.tar" .
rm -rf "$work/root"
buildah --storage-driver overlay build --isolation chroot --build-arg "VARIANT=$variant" "${volumes[@]}" \
  --tag "avatarflow:$variant" --file envs/container/Containerfile "$work/context"
[[ -z $file ]] || buildah --storage-driver overlay push "avatarflow:$variant" "oci-archive:$file:avatarflow:$variant"
