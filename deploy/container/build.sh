#!/bin/sh
# build.sh FOLDER: on a bare Debian, installs what the build needs and builds the packages of this source into FOLDER.
# The Containerfiles' first stage; needs root.
set -eu
cd "$(dirname "$0")/../.."
tools/install-packages build deb
tools/build-deb "$1"
