/**
 * The host's own clocks, as they were when this was loaded. Test runners exchange the global ones for those of a test, which stand
 * still; what is waited for here goes on meanwhile.
 */

const { Date: HostDate, performance } = globalThis;

export const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate } = globalThis;

/** Milliseconds that only grow; for durations and deadlines. */
export const monotonicMs: () => number = performance.now.bind(performance);

/** Milliseconds since 1970. */
export const wallMs: () => number = HostDate.now.bind(HostDate);
