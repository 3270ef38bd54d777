import { probeHypervisor } from '@msbtest/core';

/** Starts a command as on a machine without a hypervisor: where this one has it, with something else in the place of its device. */
export function hidingHypervisor(): string[] {
  if (!probeHypervisor().available) return [];
  const script = 'mount --bind /dev/null /dev/kvm && exec "$@"';
  return ['unshare', '--mount', '--map-root-user', 'sh', '-c', script, 'sh'];
}
