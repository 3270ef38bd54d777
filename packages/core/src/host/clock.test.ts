import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { clearInterval, clearTimeout, monotonicMs, setInterval, setTimeout, wallMs } from './clock.js';

beforeEach(() => {
  vi.useFakeTimers({
    now: 0,
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('while a test has clocks of its own', () => {
  it('the time of day and the time that passes are those of the host', async () => {
    const [wall, monotonic] = [wallMs(), monotonicMs()];
    expect(Date.now()).toBe(0);
    expect(wall).toBeGreaterThan(1_700_000_000_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(monotonicMs() - monotonic).toBeGreaterThan(15);
    expect(wallMs() - wall).toBeGreaterThan(15);
    expect(Date.now()).toBe(0);
  });

  it('timers come, and can be cleared', async () => {
    const heard: string[] = [];
    clearTimeout(setTimeout(() => heard.push('cleared'), 1));
    await new Promise<void>((resolve) => {
      const every = setInterval(() => {
        heard.push('tick');
        if (heard.length < 3) return;
        clearInterval(every);
        resolve();
      }, 1);
    });
    expect(heard).toEqual(['tick', 'tick', 'tick']);
  });
});
