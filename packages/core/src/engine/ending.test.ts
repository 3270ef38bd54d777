import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeMessage } from '../agent/message.js';
import type { ExitRecord } from '../store/record.js';
import { describeExit, endedCleanly, haltReport, statusOf } from './ending.js';

const times = { term_ns: 1_000_000, sync_ns: 2_000_000, kill_ns: 0, unmount_ns: 3_500_000, killed: 1 };
const halted = (clean: boolean) =>
  Buffer.from(encodeMessage('msb.halted', { clean, ...times })).toString('hex');

function exit(fields: Partial<ExitRecord>): ExitRecord {
  return {
    startedAtUnixMs: 0,
    readyMs: 1,
    exitMs: 2,
    asked: {
      shutdownMs: 1,
      killMs: null,
      ownerDeathMs: null,
      idleTimeoutMs: null,
      maxDurationMs: null,
    },
    limits: { idleTimeoutMs: null, maxDurationMs: null },
    cause: null,
    vmm: { pid: 1, code: 0, signal: null },
    spawnError: null,
    halted: null,
    ...fields,
  };
}

describe('how a machine ended', () => {
  it('is clean only when the guest has vouched for its disks', () => {
    expect(endedCleanly(exit({ halted: halted(true) }))).toBe(true);
    expect(endedCleanly(exit({ halted: halted(false) }))).toBe(false);
    expect(endedCleanly(exit({}))).toBe(false); // exit code 0 is what SIGTERM and QMP quit give
    expect(endedCleanly(exit({ halted: halted(true), cause: 'kill' }))).toBe(false);
    expect(endedCleanly(exit({ halted: halted(true), vmm: { pid: 1, code: 1, signal: null } }))).toBe(false);
    expect(endedCleanly(null)).toBe(false);
  });

  it('gives its status', () => {
    expect(statusOf(null, exit({ halted: halted(true) }))).toBe('stopped');
    expect(statusOf(null, exit({ cause: 'kill', vmm: { pid: 1, code: null, signal: 9 } }))).toBe('stopped');
    expect(statusOf(null, exit({}))).toBe('crashed');
    expect(statusOf(null, null)).toBe('crashed');
    expect(statusOf({ kind: 'creator' }, null)).toBe('starting');
    expect(statusOf({ kind: 'relay', pidfd: -1, state: 'starting' }, null)).toBe('starting');
    expect(statusOf({ kind: 'relay', pidfd: -1, state: 'running' }, exit({}))).toBe('running');
    expect(statusOf({ kind: 'relay', pidfd: -1, state: 'stopping' }, null)).toBe('draining');
  });

  it('is stopped when its time was over, also when it had to be killed for it', () => {
    const idle = exit({
      asked: { ...exit({}).asked, shutdownMs: null, idleTimeoutMs: 5100 },
      limits: { idleTimeoutMs: 5000, maxDurationMs: null },
    });
    const long = exit({
      asked: { ...exit({}).asked, shutdownMs: null, maxDurationMs: 60_000 },
      limits: { idleTimeoutMs: null, maxDurationMs: 1500 },
    });
    expect(statusOf(null, { ...idle, halted: halted(true) })).toBe('stopped');
    expect(describeExit({ ...idle, halted: halted(true) })).toBe(
      'it had been idle for 5 s (idleTimeout), and was stopped.',
    );
    expect(describeExit({ ...long, halted: halted(true) })).toBe(
      'it had run for 1.5 s (maxDuration), and was stopped.',
    );
    const killed = { ...idle, cause: 'idle-timeout' as const, vmm: { pid: 1, code: null, signal: 9 } };
    expect(statusOf(null, killed)).toBe('stopped');
    expect(describeExit(killed)).toContain('idle for 5 s (idleTimeout), and was killed');
    const both = { ...killed, cause: 'max-duration' as const, asked: { ...long.asked, idleTimeoutMs: 5100 } };
    expect(describeExit({ ...both, limits: { idleTimeoutMs: null, maxDurationMs: 1500 } })).toContain(
      'run for 1.5 s',
    );
    expect(statusOf(null, idle)).toBe('crashed'); // it did not stop properly, and nobody killed it
    expect(describeExit(idle)).toContain('without stopping properly');
  });

  it('is told in words', () => {
    expect(describeExit(null)).toContain('relay is gone');
    expect(describeExit(exit({ vmm: { pid: 1, code: null, signal: 11 } }))).toContain('signal 11');
    expect(describeExit(exit({ vmm: { pid: 1, code: 3, signal: null } }))).toContain('exit code 3');
    expect(
      describeExit(exit({ vmm: null, spawnError: { step: 'exec', errno: 2, code: 'ENOENT' } })),
    ).toContain('exec: ENOENT');
    expect(describeExit(exit({}))).toContain('without stopping properly');
  });
});

describe('the last word of a guest', () => {
  it('is read in milliseconds', () => {
    expect(haltReport(exit({ halted: halted(true) }))).toEqual({
      clean: true,
      terminateMs: 1,
      syncMs: 2,
      killMs: 0,
      unmountMs: 3.5,
      initMs: null,
      killed: 1,
    });
    const handedOff = encodeMessage('msb.halted', { clean: true, ...times, init_ns: 4_000_000 });
    expect(haltReport(exit({ halted: Buffer.from(handedOff).toString('hex') }))).toMatchObject({ initMs: 4 });
  });

  it('counts for nothing when it cannot be read, whatever it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const report = haltReport(exit({ halted: Buffer.from(bytes).toString('hex') }));
        expect(report === null || typeof report.clean === 'boolean').toBe(true);
      }),
    );
    expect(haltReport(exit({ halted: 'not hex' }))).toBeNull();
    expect(
      haltReport(exit({ halted: Buffer.from(encodeMessage('core.ready', times)).toString('hex') })),
    ).toBeNull();
  });
});
