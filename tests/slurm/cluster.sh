# What up.sh and down.sh share: where things lie, waiting, and ending a process by its pid file. Sourced with the folder.
folder=${1:-${AVATARFLOW_SLURM_FOLDER:-/tmp/avatarflow-slurm}}
export SLURM_CONF=$folder/etc/slurm.conf
host=$(hostname -s)
port=${SLURM_TEST_PORT:-26817} # slurmctld; the others follow
socket=$folder/munge/socket

wait_for() { # seconds, command: until it succeeds
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS >= deadline)); then
      echo "test cluster: $* did not come up" >&2
      return 1
    fi
    sleep 0.2
  done
}

alive() { [[ -r /proc/$1/stat && "$(awk '{print $3}' "/proc/$1/stat" 2>/dev/null)" != Z ]]; } # a zombie is dead

end_process() { # pid file: ask, then kill
  [[ -s $1 ]] || return 0
  local pid
  pid=$(<"$1")
  kill "$pid" 2>/dev/null || return 0
  for _ in {1..100}; do
    alive "$pid" || return 0
    sleep 0.1
  done
  kill -9 "$pid" 2>/dev/null || true
}
