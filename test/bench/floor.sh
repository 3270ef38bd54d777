#!/bin/sh
# The floor of a cold boot: a copy of the disk and the bare VMM, no relay, no agent protocol, no store.
# Usage: floor.sh BLANK_DISK DISK QEMU ARGUMENT...   The agent's port is our standard output.
set -eu
blank=$1
disk=$2
shift 2
cp --sparse=always "$blank" "$disk"
exec "$@"
