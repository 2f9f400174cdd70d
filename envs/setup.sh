#!/usr/bin/env bash
# Set up the host environment: .venv from the lock, then the command-line tools of the reads wing.
# Run by `make setup`; a second run with the same lock does nothing.
#
#   PYTHON=python3.12 make setup       another interpreter (3.11 or newer)
#   AVATARFLOW_APT=no make setup       do not install Debian packages
#   AVATARFLOW_VARIANT=gpu make setup  faiss for GPUs; torch comes from whichever index pip is configured with
#   PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS and pip.conf are honoured. For torch's CPU build where the index
#   would give the CUDA one: PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

lock=envs/requirements.lock
stamp=.venv/.installed
packages=(minimap2 bowtie2 kraken2 samtools bcftools tabix) # tabix brings bgzip
commands=(minimap2 bowtie2 kraken2 samtools bcftools bgzip)
# Removal tools of which each may be missing: it costs its own rows in a benchmark (bbmap brings bbduk and asks for Java).
optional_packages=(bwa hisat2 snap-aligner centrifuge bbmap default-jre-headless smalt seqan-apps)
optional_commands=(bwa hisat2 snap-aligner centrifuge bbduk.sh smalt yara_mapper)
# The same from PyPI, in an environment of their own: hostile brings a dozen packages, mappy is compiled. Only on request:
#   AVATARFLOW_TOOLS=yes make setup    .tools with hostile, kneaddata and mappy; a benchmark looks there behind PATH
pypi_tools=(hostile==2.0.2 kneaddata==0.12.4 mappy==2.31)

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
  local key python wanted
  wanted="$(envs/lock.sh "${AVATARFLOW_VARIANT:-cpu}")"
  key="$(sha256sum <<<"$wanted" | cut -d' ' -f1)"
  if [[ -x .venv/bin/python && "$(cat "$stamp" 2>/dev/null)" == "$key" ]] && .venv/bin/python -c ''; then
    return
  fi
  python="$(find_python)"
  say "making .venv with $("$python" --version) (about 2 GB, some minutes)"
  "$python" -m venv .venv || {
    say "$python cannot make a virtual environment; on Debian: apt-get install python3-venv"
    return 1
  }
  # torch last: nothing of the lock may pull a build of it that the index prefers
  .venv/bin/pip install --quiet --no-deps --require-hashes --requirement <(grep -v '^torch==' <<<"$wanted")
  .venv/bin/pip install --quiet "$(grep '^torch==' "$lock")"
  .venv/bin/pip check
  echo "$key" >"$stamp"
}

# The command `avatarflow`: a link, so that it follows the checkout and works from any folder.
link_command() {
  ln -sfn ../../envs/avatarflow .venv/bin/avatarflow
}

missing() {
  local command
  for command in "$@"; do
    command -v "$command" >/dev/null || echo "$command"
  done
}

root=()
may_install() {
  ((EUID == 0)) || root=(sudo -n)
  [[ "${AVATARFLOW_APT:-yes}" != no ]] && command -v apt-get >/dev/null && "${root[@]}" true 2>/dev/null
}

install_packages() {
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

install_tools() {
  local lacking
  lacking="$(missing "${commands[@]}")"
  [[ -z "$lacking" ]] && return
  if may_install; then
    say "installing Debian packages: ${packages[*]}"
    "${root[@]}" apt-get update -qq || true
    install_packages "${packages[@]}" || true
    lacking="$(missing "${commands[@]}")"
  fi
  if [[ -n "$lacking" ]]; then
    say "not found: ${lacking//$'\n'/ }; the reads wing is off until they are on PATH (Debian: apt-get install ${packages[*]})"
    say "the images wing does not need them"
  fi
}

install_optional_tools() {
  local lacking package
  lacking="$(missing "${optional_commands[@]}")"
  if [[ -n "$lacking" ]] && may_install; then
    say "installing optional removal tools: ${optional_packages[*]}"
    "${root[@]}" apt-get update -qq || true
    for package in "${optional_packages[@]}"; do
      install_packages "$package" || true # one that is not in this release takes no other along
    done
    lacking="$(missing "${optional_commands[@]}")"
  fi
  [[ -z "$lacking" ]] || say "not found: ${lacking//$'\n'/ }; these removal tools are off, all else works"
  if [[ "${AVATARFLOW_TOOLS:-no}" == yes && ! -x .tools/bin/hostile ]]; then
    say "making .tools with ${pypi_tools[*]}"
    { .venv/bin/python -m venv .tools && .tools/bin/pip install --quiet "${pypi_tools[@]}"; } ||
      say "could not make .tools whole; the tools that are not in it are off, all else works"
  fi
}

make_venv
link_command
install_tools
install_optional_tools
say "ready"
