import { gracefulStopFlush } from '@msbtest/fixtures/conformance/graceful-stop-flush';
import { writePatterns } from '@msbtest/fixtures/conformance/write-patterns';
import { describe, expect, it } from 'vitest';
import { stopWays, withEnv } from './support/stop-ways.js';
import { image, usePrivateHome } from './support/vm.js';

usePrivateHome();

describe('a graceful stop keeps what the guest wrote', () => {
  it.each(writePatterns)('$name', async (pattern) => {
    const report = await gracefulStopFlush({ name: `flush ${pattern.name}`, image, pattern });
    expect(report.loss).toBeNull();
    expect(report.stop).toMatchObject({
      outcome: 'graceful',
      status: 'stopped',
      exitCode: 0,
      signal: null,
      reason: null,
    });
    expect(report.disk).toMatchObject({ clean: true, needsRecovery: false });
  });
});

describe('a wrong stop fails the scenario', () => {
  it.each(stopWays.filter(({ wrong }) => wrong))('$name', async ({ name, env, stop }) => {
    const report = await withEnv(env, () => gracefulStopFlush({ name, image, stop }));
    expect(report.loss).toMatch(/No such file|the marker reads/);
    expect(report.disk.needsRecovery).toBe(true);
  });
});
