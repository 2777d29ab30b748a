# A world for engines, in which they may do as they like: mount, PID, network, IPC and UTS
# namespaces; /run is fresh, /etc and /var are layers over this host's. It lives until standard input
# ends, which it does however the test ends, and leaves nothing.
# usage: sh sandbox.sh TAG WORK host|v2      TAG is part of every control group's name
set -eu
trap '' HUP INT TERM
tag=$1 work=$2 view=$3

mkdir -p "$work/layers/etc" "$work/layers/etc.work" "$work/layers/var" "$work/layers/var.work"
unshare --mount --net --pid --ipc --uts --fork --kill-child=KILL --propagation=private \
    --mount-proc sh -euc '
    mount -t tmpfs -o mode=755 tmpfs /run
    mkdir -p /run/lock
    for top in etc var; do
        layers=lowerdir=/$top,upperdir=$1/layers/$top,workdir=$1/layers/$top.work
        mount -t overlay -o "$layers" overlay "/$top"
    done
    # Nobody is asked for names; and no image is looked for anywhere but here.
    rm -rf /etc/resolv.conf /etc/containers/registries.conf.d
    : >/etc/resolv.conf
    [ "$2" = host ] || mount -t cgroup2 none /sys/fs/cgroup
    mount --make-rshared /
    ip link set lo up
    hostname engines
    : >"$1/ready"
    # A shell that waits for one child reaps all, as PID 1 must.
    while :; do sleep 1000; done
' sh "$work" "$view" </dev/null >"$work/sandbox.log" 2>&1 &
world=$!

for _ in $(seq 500); do
    [ ! -e "$work/ready" ] || break
    sleep 0.01
done
init=$(cat "/proc/$world/task/$world/children")
if [ -e "$work/ready" ]; then echo "init $init"; else echo "failed $(cat "$work/sandbox.log")"; fi

cat >/dev/null
exec >/dev/null 2>&1
set +e

groups() { find /sys/fs/cgroup -depth -type d -path "*$tag*"; }
# What is frozen cannot be killed.
groups | while read -r group; do
    [ ! -e "$group/freezer.state" ] || echo THAWED >"$group/freezer.state"
    [ ! -e "$group/cgroup.freeze" ] || echo 0 >"$group/cgroup.freeze"
done
kill -KILL $init
wait $world
for _ in $(seq 500); do
    groups | while read -r group; do rmdir "$group"; done
    [ -n "$(groups)" ] || break
    sleep 0.02
done
rm -rf --one-file-system "$work"
