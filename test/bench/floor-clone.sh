#!/bin/sh
# The floor of a clone: a copy of the disk and the bare VMM, which is ordered to go on from the template's state.
# Usage: floor-clone.sh TEMPLATE DIRECTORY QEMU ARGUMENT...   The agent's port is on descriptor 3.
set -eu
template=$1
directory=$2
shift 2
mkdir "$directory"
cp --sparse=always "$template/upper.ext4" "$directory/upper.ext4"
exec "$@" < "$template/orders" 6< "$template/memory" 7< "$template/state"
