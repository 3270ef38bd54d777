import { gracefulStopFlush } from '@msbtest/fixtures/conformance/graceful-stop-flush';
import { marker, type WritePattern, writePatterns } from '@msbtest/fixtures/conformance/write-patterns';
import { describe, expect, it } from 'vitest';
import { stopWays, withEnv } from './support/stop-ways.js';
import { image, usePrivateHome } from './support/vm.js';
import { createBy, signsOf, ways } from './support/ways.js';

usePrivateHome();

describe.each(ways)('of a machine that came as %s,', (way) => {
  const scenario = { image, create: createBy.bind(null, way) };

  describe('a graceful stop keeps what the guest wrote', () => {
    const keeps = async (pattern: WritePattern) => {
      const report = await gracefulStopFlush({ ...scenario, name: `flush ${pattern.name}`, pattern });
      expect(report.loss).toBeNull();
      expect(report.stop).toMatchObject({
        outcome: 'graceful',
        status: 'stopped',
        exitCode: 0,
        signal: null,
        reason: null,
      });
      expect(report.disk).toMatchObject({ clean: true, needsRecovery: false });
      expect(report.boot).toMatchObject(signsOf(way));
    };
    it('graceful_stop_flushes_writes_to_rootfs', () => keeps(marker));
    it.each(writePatterns.filter((pattern) => pattern !== marker))('$name', keeps);
  });

  describe('a wrong stop fails the scenario', () => {
    // Nobody but its owner can tell a fork's VMM to quit: its control socket has no name.
    const possible = stopWays.filter(
      ({ name, wrong }) => wrong && !(signsOf(way).forked && name === 'QMP quit'),
    );
    it.each(possible)('$name', async ({ name, env, stop }) => {
      const report = await withEnv(env, () => gracefulStopFlush({ ...scenario, name, stop }));
      expect(report.loss).toMatch(/No such file|the marker reads/);
      expect(report.disk.needsRecovery).toBe(true);
      expect(report.boot).toMatchObject(signsOf(way));
    });
  });
});
