#!/bin/sh
# The floor of a cold boot: a copy of the disk and the bare VMM, no relay, no agent protocol, no store.
# Usage: floor.sh BLANK_DISK DIRECTORY QEMU ARGUMENT...   The agent's port is on descriptor 3.
set -eu
blank=$1
directory=$2
shift 2
mkdir "$directory"
cp --sparse=always "$blank" "$directory/upper.ext4"
exec "$@"
