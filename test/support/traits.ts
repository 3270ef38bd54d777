import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Sandbox } from '@msbtest/core';
import { expect } from 'vitest';
import { checkout } from './saboteurs.js';

/** What tells one machine from another. */
interface Traits {
  readonly random: readonly string[];
  readonly urandom: string;
  readonly uuid: string;
  readonly bootId: string;
  readonly machineId: string;
  readonly hostname: string;
  /** What TCP adds to its clock for one connection's first sequence number; 64 ns each, modulo 2^32. Measured twice. */
  readonly sequence: readonly [number, number];
  readonly ports: readonly number[];
}

/** 8 ms of the clock: in a machine the two measurements are much closer; in two machines they are so by chance once in 16,000 times. */
const sameSequence = 2 ** 17;

/** Of 14,000 ports, two that are closer than this are so by chance once in 200 times. */
const samePort = 64;

/** Builds the program that finds traits out in the guest. @returns its bytes. */
export async function buildTraitsProgram(directory: string): Promise<Buffer> {
  const program = join(directory, 'traits');
  await promisify(execFile)('musl-gcc', ['-static', '-Os', '-o', program, `${checkout}/test/guest/traits.c`]);
  return readFileSync(program);
}

/** Asks a machine that nobody has asked anything yet. */
export async function traitsOf(sandbox: Sandbox, program: Uint8Array): Promise<Traits> {
  const asked = await sandbox.execWith('sh', (options) =>
    options
      .args([
        '-ec',
        'head -c 16 /dev/urandom | od -An -tx1; cat > /run/traits; chmod +x /run/traits; /run/traits; cd /proc/sys/kernel/random; ' +
          'echo uuid $(cat uuid); echo bootId $(cat boot_id); echo machineId $(cat /etc/machine-id); echo hostname $(hostname)',
      ])
      .stdinBytes(program),
  );
  expect(asked, asked.stderr()).toMatchObject({ success: true });
  const [urandom = '', ...lines] = asked.stdout().trimEnd().split('\n');
  const words = new Map(lines.map((line) => [line.split(' ')[0], line.split(' ').slice(1)]));
  const all = (name: string) => words.get(name) ?? [];
  const one = (name: string) => all(name).join(' ');
  return {
    random: all('random'),
    urandom,
    uuid: one('uuid'),
    bootId: one('bootId'),
    machineId: one('machineId'),
    hostname: one('hostname'),
    sequence: [Number(one('isn')), Number(one('again'))],
    ports: all('ports').map(Number),
  };
}

/** Checks that two machines have nothing in common that tells machines apart. */
export function expectDifferent(one: Traits, other: Traits): void {
  expect([one.random.length, one.urandom.length, one.ports.length]).toEqual([64, 48, 8]);
  expect(one.random.filter((number) => other.random.includes(number))).toEqual([]);
  for (const trait of ['urandom', 'uuid', 'bootId', 'machineId', 'hostname'] as const) {
    expect(one[trait], trait).not.toBe('');
    expect(one[trait], trait).not.toBe(other[trait]);
  }
  for (const { sequence } of [one, other]) expect(apart(...sequence)).toBeLessThan(sameSequence);
  expect(apart(one.sequence[1], other.sequence[1])).toBeGreaterThan(sameSequence);
  const alike = one.ports.filter((port, i) => Math.abs(port - (other.ports[i] ?? 0)) < samePort);
  expect(alike.length, `${one.ports} and ${other.ports}`).toBeLessThanOrEqual(2);
}

/** The distance of two numbers modulo 2^32. */
function apart(a: number, b: number): number {
  return Math.abs((a - b) | 0);
}
