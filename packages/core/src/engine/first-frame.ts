import { randomBytes } from 'node:crypto';
import { encodeFrame } from '../agent/frame.js';
import { encodeMessage, type PayloadFields } from '../agent/message.js';
import { wallMs } from '../host/clock.js';
import type { SandboxRecord } from '../store/record.js';
import { handoffPayload } from './init.js';

/** What the kernel's generator is seeded with: as much as it takes to be full, twice over. */
const entropyBytes = 64;

/** What an agent is told first: how to set a machine up that boots. */
export function bootstrapFrame(record: SandboxRecord): Uint8Array {
  return control('core.bootstrap', {
    block_root: {
      kind: 'oci-erofs',
      lower: '/dev/vda',
      lower_fstype: 'squashfs',
      upper: { kind: 'device', device: '/dev/vdb', fstype: 'ext4' },
    },
    ...identity(record),
    hangup_after_halted: true,
  });
}

/** What the agent of a clone is told first: to become this sandbox's. */
export function resumeFrame(record: SandboxRecord): Uint8Array {
  return control('msb.resume', resumePayload(record));
}

/** The same for one that is told in a session. */
export function resumePayload(record: SandboxRecord): PayloadFields {
  return { ...identity(record), ...timePayload() };
}

/**
 * The same sandbox while its machine is nobody's yet, and may become anybody's: an init and a profile cannot be taken back, so they
 * come with its name.
 */
export function unclaimed(record: SandboxRecord): SandboxRecord {
  return { ...record, config: { ...record.config, init: null, security: 'default' } };
}

/** What time it is. */
export function timePayload(): PayloadFields {
  return { unix_time_nanos: BigInt(wallMs()) * 1_000_000n };
}

function identity({ id, config }: SandboxRecord): PayloadFields {
  return {
    hostname: config.hostname,
    machine_id: id.replaceAll('-', ''),
    default_cwd: config.workdir ?? undefined,
    default_env: Object.entries(config.env).map(([key, value]) => ({ key, value })),
    entropy: randomBytes(entropyBytes),
    handoff_init: handoffPayload(config.init),
    security_profile: config.security,
  };
}

function control(type: string, payload: PayloadFields): Uint8Array {
  return encodeFrame({ id: 0, flags: 0, body: encodeMessage(type, payload) });
}
