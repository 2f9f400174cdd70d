#!/usr/bin/env bash
# Every failure of tests/slurm five times (or as often as said), against one finished local run: none may be flaky.
#
#   tests/slurm/five.sh [times]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export AVATARFLOW_SLURM_TESTS=all AVATARFLOW_SLURM_TIMES="${1:-5}" OMP_NUM_THREADS=1
exec .venv/bin/pytest -n 0 tests/slurm/test_failures.py
