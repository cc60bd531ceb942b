#!/bin/sh
# first-mesh.sh STATE: with installed programs only: a simulated platform, a coordinator as its unit starts it
# ($START, environment from the unit), a manifest, a marble. A second time, it finds the mesh of the first.
set -eu
state=$1
platform=$state/platform
cd "$(mktemp -d)"
export HOME="$PWD"
as_unit="setpriv --reuid 61234 --regid 61234 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all"

first=
if [ ! -d "$platform" ]; then
	first=yes
	# as the file of settings says
	sed -n 's/^#   //p' /etc/default/marblerun-coordinator >try
	grep -q '^marblerun sim init' try
	sh -eu ./try >/dev/null
	chown -R 61234:61234 "$state"
fi
# shellcheck disable=SC2086
env MARBLERUN_SIM_PLATFORM="$platform" $as_unit $START 2>log &
coordinator=$!
trap 'kill $coordinator 2>/dev/null || :' EXIT
tries=200
until grep -q "serving the marble API" log; do
	tries=$((tries - 1))
	[ $tries -gt 0 ] && kill -0 $coordinator || { cat log; exit 1; }
	sleep 0.1
done
port() { sed -n "s/.*serving the $1 API.* port=\([0-9]*\).*/\1/p" log; }
client=localhost:$(port client)

cp -r "$platform" platform
marblerun sim measure platform "$(command -v marblerun-coordinator)" --output json >era.json
trust="--era-config era.json --sim-root platform/root_ca.pem"
printf '#!/bin/sh\necho "I am $NAME and my key is $KEY"\n' >hello.sh
chmod +x hello.sh
id=$(marblerun sim measure platform hello.sh | sed -n 's/^UniqueID[ :]*//p')
cat >manifest.json <<END
{
  "Packages": { "hello": { "UniqueID": "$id" } },
  "Marbles": { "greeter": { "Package": "hello",
    "Parameters": { "Env": { "NAME": "greeter", "KEY": "{{ hex .Secrets.key }}" } } } },
  "Secrets": { "key": { "Type": "symmetric-key", "Size": 128, "Shared": true } }
}
END
# shellcheck disable=SC2086
{
	[ -z "$first" ] || marblerun manifest set manifest.json "$client" $trust >/dev/null
	marblerun manifest verify manifest.json "$client" $trust >/dev/null
	marblerun version "$client" $trust
}
MARBLERUN_SIM_PLATFORM=$PWD/platform EDG_MARBLE_TYPE=greeter EDG_MARBLE_COORDINATOR_ADDR=localhost:$(port marble) \
	EDG_MARBLE_COORDINATOR_POLICY=era.json EDG_MARBLE_COORDINATOR_SIM_ROOT=platform/root_ca.pem \
	marblerun-premain ./hello.sh
kill -TERM $coordinator
trap - EXIT
wait $coordinator
