#!/usr/bin/env bash
# Set up the host environment: .venv from the lock, then the command-line tools of the reads wing.
# Run by `make setup`; a second run with the same lock does nothing.
#
#   PYTHON=python3.12 make setup       another interpreter (3.11 or newer)
#   AVATARFLOW_APT=no make setup       do not install Debian packages
#   PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS and pip.conf are honoured. For torch's CPU build where the index
#   would give the CUDA one: PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

lock=envs/requirements.lock
stamp=.venv/.installed
packages=(minimap2 bowtie2 kraken2 samtools bcftools tabix) # tabix brings bgzip
commands=(minimap2 bowtie2 kraken2 samtools bcftools bgzip)

say() { printf 'setup: %s\n' "$*" >&2; }

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3.11 python3 python3.13 python3.12}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  say "no Python 3.11 or newer on PATH; install one, or name it: PYTHON=/path/to/python3.11 make setup"
  return 1
}

make_venv() {
  local key python
  key="$(sha256sum <"$lock" | cut -d' ' -f1)"
  if [[ -x .venv/bin/python && "$(cat "$stamp" 2>/dev/null)" == "$key" ]] && .venv/bin/python -c ''; then
    return
  fi
  python="$(find_python)"
  say "making .venv with $("$python" --version) (about 2 GB, some minutes)"
  "$python" -m venv .venv || {
    say "$python cannot make a virtual environment; on Debian: apt-get install python3-venv"
    return 1
  }
  .venv/bin/pip install --quiet "$(grep '^torch==' "$lock")"
  .venv/bin/pip install --quiet --requirement "$lock"
  .venv/bin/pip check
  echo "$key" >"$stamp"
}

missing_commands() {
  local command
  for command in "${commands[@]}"; do
    command -v "$command" >/dev/null || echo "$command"
  done
}

install_tools() {
  local missing root=()
  missing="$(missing_commands)"
  [[ -z "$missing" ]] && return
  ((EUID == 0)) || root=(sudo -n)
  if [[ "${AVATARFLOW_APT:-yes}" != no ]] && command -v apt-get >/dev/null && "${root[@]}" true 2>/dev/null; then
    say "installing Debian packages: ${packages[*]}"
    "${root[@]}" apt-get update -qq || true
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${packages[@]}" \
      >/dev/null || true
    missing="$(missing_commands)"
  fi
  if [[ -n "$missing" ]]; then
    say "not found: ${missing//$'\n'/ }; the reads wing is off until they are on PATH (Debian: apt-get install ${packages[*]})"
    say "the images wing does not need them"
  fi
}

make_venv
install_tools
say "ready"
