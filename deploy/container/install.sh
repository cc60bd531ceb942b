#!/bin/sh
# install.sh PACKAGE.deb...: on a bare Debian, installs packages and what they need, and nothing that helps with that
# stays behind. The Containerfiles' last stage; needs root.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends ca-certificates "$@"
# Whom the programs run as, and where a coordinator may write.
install -d -o 65532 -g 65532 -m 0700 /coordinator /coordinator/data
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/lib/dpkg/*-old /var/log/apt /var/log/dpkg.log
