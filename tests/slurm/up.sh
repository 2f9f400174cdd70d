#!/usr/bin/env bash
# A real Slurm of several nodes on this machine: munge, slurmctld, one slurmd per node, and on request accounting.
#
#   tests/slurm/up.sh [folder]       everything it writes lies in the folder (/tmp/avatarflow-slurm) and in /etc/slurm links
#   NODES=4 tests/slurm/up.sh        how many nodes; half of them have two made-up GPUs each
#   ACCOUNTING=yes tests/slurm/up.sh slurmdbd on MariaDB, with the account `lab`; without it sacct does not work
#   tests/slurm/down.sh [folder]     stop all of it and remove the folder
#
# Needs root. Debian packages that are missing are installed, unless AVATARFLOW_APT=no. Exit status 3: not possible here.
set -euo pipefail
# shellcheck source=tests/slurm/cluster.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster.sh" "${1:-}"
NODES=${NODES:-4}
ACCOUNTING=${ACCOUNTING:-no}
CPUS=${CPUS:-4} # what each node claims to have (config_overrides)
packages=(slurm-wlm munge)
[[ $ACCOUNTING == yes ]] && packages+=(slurmdbd mariadb-server)

unable() {
  echo "test cluster: $*" >&2
  exit 3
}

need_packages() {
  local command missing=()
  for command in slurmctld slurmd munged sbatch $([[ $ACCOUNTING == yes ]] && echo slurmdbd mariadbd); do
    command -v "$command" >/dev/null || missing+=("$command")
  done
  ((${#missing[@]} == 0)) && return
  [[ ${AVATARFLOW_APT:-yes} != no ]] && command -v apt-get >/dev/null ||
    unable "${missing[*]} not found; apt-get install ${packages[*]}"
  apt-get update -qq >&2 || true
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${packages[@]}" >/dev/null 2>&1 ||
    unable "apt-get could not install ${packages[*]}; install them by hand"
}

start_munge() {
  chown -R munge: "$folder/munge"
  dd if=/dev/urandom of="$folder/munge/key" bs=128 count=1 status=none
  chown munge: "$folder/munge/key"
  chmod 400 "$folder/munge/key"
  runuser -u munge -- "$(command -v munged)" --force --key-file="$folder/munge/key" --socket="$socket" \
    --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" --seed-file="$folder/munge/seed"
}

nodes() { # one NodeName line each: c1, c2 ... without and g1, g2 ... with GPUs
  local i line
  for ((i = 1; i <= NODES; i++)); do
    line="NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 10 + i)) CPUs=$CPUS RealMemory=16000 State=UNKNOWN"
    if ((i % 2)); then
      echo "NodeName=c$(((i + 1) / 2)) $line"
    else
      echo "NodeName=g$((i / 2)) $line Gres=gpu:fake:2"
    fi
  done
}

names() { # of the nodes that begin with a letter, joined by commas
  nodes | sed -n "s/^NodeName=\($1[0-9]*\) .*/\1/p" | paste -sd,
}

write_configuration() {
  cat >"$folder/etc/slurm.conf" <<CONF
ClusterName=avatarflow
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$socket,cred_expire=30
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd.%n.pid
SlurmdSpoolDir=$folder/run/spool.%n
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
MpiDefault=none
ReturnToService=2
SlurmdTimeout=15
InactiveLimit=0
KillWait=3
MinJobAge=300
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory,CR_LLN
SlurmdParameters=config_overrides
GresTypes=gpu
JobRequeue=1
$(accounting_lines)
$(nodes)
PartitionName=cpu Nodes=$(names c) Default=YES MaxTime=1-0 DefaultTime=30 State=UP
PartitionName=gpu Nodes=$(names g) MaxTime=1-0 DefaultTime=30 State=UP
CONF
  local i
  for i in 0 1; do mknod "$folder/gpu$i" c 1 3; done # like /dev/null: enough to be counted and handed out
  echo "AutoDetect=off
NodeName=$(names g) Name=gpu Type=fake File=$folder/gpu[0-1]" >"$folder/etc/gres.conf"
  # the executor's job step drops SLURM_CONF before its inner srun, so that the usual place must lead here too
  mkdir -p /etc/slurm
  ln -sfn "$folder/etc/slurm.conf" /etc/slurm/slurm.conf
  ln -sfn "$folder/etc/gres.conf" /etc/slurm/gres.conf
}

accounting_lines() {
  if [[ $ACCOUNTING != yes ]]; then
    echo AccountingStorageType=accounting_storage/none
    return
  fi
  cat <<CONF
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$((port + 1))
AccountingStoragePass=$socket
AccountingStorageEnforce=associations
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment
CONF
}

start_accounting() {
  chown -R mysql: "$folder/db"
  mariadb-install-db --no-defaults --user=mysql --datadir="$folder/db/data" --auth-root-authentication-method=socket \
    --skip-test-db >"$folder/log/mariadb-install.log" 2>&1
  setsid mariadbd --no-defaults --user=mysql --datadir="$folder/db/data" --socket="$folder/db/socket" \
    --pid-file="$folder/db/pid" --port=$((port + 2)) --bind-address=127.0.0.1 --innodb-buffer-pool-size=64M \
    --innodb-lock-wait-timeout=900 >"$folder/log/mariadb.log" 2>&1 </dev/null &
  local client=(mariadb --no-defaults -S "$folder/db/socket" -e)
  wait_for 30 "${client[@]}" 'select 1'
  "${client[@]}" "create database slurm_acct_db; create user slurm@'127.0.0.1' identified by 'slurm';
    create user slurm@localhost identified by 'slurm';
    grant all on slurm_acct_db.* to slurm@'127.0.0.1', slurm@localhost;"
  cat >"$folder/etc/slurmdbd.conf" <<CONF
AuthType=auth/munge
AuthInfo=socket=$socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$((port + 1))
SlurmUser=root
LogFile=$folder/log/slurmdbd.log
PidFile=$folder/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$((port + 2))
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
CONF
  chmod 600 "$folder/etc/slurmdbd.conf"
  slurmdbd
  wait_for 60 sacctmgr -n list cluster
  sacctmgr -i add cluster avatarflow >/dev/null
  sacctmgr -i add account lab Description=lab Organization=lab >/dev/null
  sacctmgr -i add user root Account=lab DefaultAccount=lab >/dev/null
}

all_idle() { [[ "$(sinfo -h -N -o '%N %T' | sort -u | grep -c ' idle$')" == "$NODES" ]]; }

((EUID == 0)) || unable "needs root; run as root, or leave the tests of the cluster out"
[[ ! -e /etc/slurm/slurm.conf || "$(readlink /etc/slurm/slurm.conf)" == "$folder/"* ]] ||
  unable "this machine has a Slurm of its own (/etc/slurm/slurm.conf); nothing was touched"
need_packages
"$(dirname "${BASH_SOURCE[0]}")/down.sh" "$folder"
mkdir -p "$folder"/{etc,log,run,state,munge,db}
chmod 755 "$folder" "$folder/munge"
trap 'tail -n 5 "$folder"/log/*.log >&2; "$(dirname "${BASH_SOURCE[0]}")/down.sh" "$folder"' ERR
start_munge
write_configuration
[[ $ACCOUNTING == yes ]] && start_accounting
slurmctld
wait_for 30 scontrol ping
for name in $(nodes | awk -F'[= ]' '{print $2}'); do
  mkdir -p "$folder/run/spool.$name"
  slurmd -N "$name"
done
wait_for 30 all_idle
sinfo -N -o '%N %P %T %c %m %G'
