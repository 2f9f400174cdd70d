#!/usr/bin/env bash
# Stop the test cluster of up.sh: cancel its jobs, end its daemons, remove its folder and links. Nothing else is touched.
#
#   tests/slurm/down.sh [folder]
set -euo pipefail
# shellcheck source=tests/slurm/cluster.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster.sh" "${1:-}"

no_jobs() { [[ -z "$(squeue -h)" ]]; }

if [[ -s $folder/run/slurmctld.pid ]] && timeout 5 scontrol ping >/dev/null 2>&1; then
  timeout 10 scancel --user=root || true
  wait_for 15 no_jobs || true
fi
for file in "$folder"/run/slurmd.*.pid "$folder"/run/slurmctld.pid "$folder"/run/slurmdbd.pid "$folder"/db/pid \
  "$folder"/munge/pid; do
  end_process "$file"
done
for name in slurm.conf gres.conf; do
  if [[ "$(readlink "/etc/slurm/$name")" == "$folder/etc/$name" ]]; then rm "/etc/slurm/$name"; fi
done
rm -rf "$folder"
