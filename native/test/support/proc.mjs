import { readdirSync, readFileSync } from 'node:fs';

const stat = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch {
    return null;
  }
};

/** Neither gone nor a zombie. */
export const isRunning = (pid) => !['Z', 'X', undefined].includes(stat(pid)?.[0]);

/** 10 ms each, in user and kernel mode. */
export const cpuTicks = (pid) => Number(stat(pid)[11]) + Number(stat(pid)[12]);

export const childrenOf = (pid) =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && stat(name)?.[1] === String(pid))
    .map(Number);

export const openDescriptors = (pid) => readdirSync(`/proc/${pid}/fd`).length;
