#!/bin/sh
# Usage: soak.sh [FORKS [COMPARED]]   Boots a machine with the guest's kernel and an init of its own, and forks it FORKS times.
set -eu
forks=${1:-200}
compared=${2:-20}
here=$(cd "$(dirname "$0")" && pwd)
native=$here/../..
kernel=$native/../packages/guest/build/kernel
make -s -C "$native" build/libmsb-fork.so build/msb-relay build/fork-soak

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
mkdir -p "$work/root/modules"
musl-gcc -static -Os -o "$work/root/init" "$here/init.c"
for module in virtio virtio_ring virtio_mmio virtio_blk virtio_console; do
	cp "$kernel/modules/$module.ko" "$work/root/modules/"
	echo "$module.ko" >> "$work/root/modules/order"
done
(cd "$work/root" && find . | cpio -o -H newc --quiet) > "$work/initramfs"
"$native/build/fork-soak" "$(command -v "${MSB_QEMU:-qemu-system-x86_64}")" "$kernel/vmlinuz" "$work/initramfs" \
	"$native/build/libmsb-fork.so" "$native/build/msb-relay" "$work" "$forks" "$compared" || { cat "$work/log" >&2; exit 1; }
