import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { Sandbox, type SandboxHandle } from '@msbtest/core';
import { PrivateHome } from '@msbtest/fixtures/private-home';
import { afterAll, afterEach, expect } from 'vitest';

/** The image that set-up builds; a small Alpine-like root. */
export const image = 'docker.io/library/msb-base:latest';

/**
 * Gives a test file a home of its own, and checks after each test that it has left nothing there: no sandbox, process, socket
 * or file.
 */
export function usePrivateHome(): PrivateHome {
  const home = new PrivateHome();
  afterEach(async () => {
    expect(await home.leaks(), 'what the test left behind').toEqual([]);
  });
  afterAll(() => home[Symbol.dispose]());
  return home;
}

/** A builder for a small machine. */
export function small(name: string) {
  return Sandbox.builder(name).image(image).cpus(1).memory(256);
}

/** A running machine that is killed and removed at the end of the block. */
export function ephemeral(name: string): Promise<Sandbox> {
  return small(name).ephemeral(true).create();
}

export async function killAndRemove(name: string): Promise<void> {
  const handle = await Sandbox.get(name);
  await handle.kill();
  await handle.remove();
}

/** The pid and arguments of the process that runs a sandbox's VMM; of a fork, the arguments of what it was forked from. */
export function vmmOf({ diskPath }: Pick<SandboxHandle, 'diskPath'>): { pid: number; args: string[] } {
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const args = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      if (/qemu-system/.test(args[0] ?? '') && hasOpen(name, diskPath)) return { pid: Number(name), args };
    } catch {
      // it has ended since
    }
  }
  throw new Error(`No VMM has ${diskPath} open.`);
}

function hasOpen(pid: string, path: string): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === path);
}

/** The pid of the relay above a VMM. */
export function relayOf(handle: Pick<SandboxHandle, 'diskPath'>): number {
  const status = readFileSync(`/proc/${vmmOf(handle).pid}/status`, 'utf8');
  return Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]);
}

/** Tells a VMM over its control socket to quit, and waits until it has hung up. */
export async function qmpQuit(handle: Pick<SandboxHandle, 'diskPath'>): Promise<void> {
  const { args } = vmmOf(handle);
  const path = /^unix:(.*),server=on,wait=off$/.exec(args[args.indexOf('-qmp') + 1] ?? '')?.[1];
  if (path === undefined) throw new Error('The VMM has no control socket.');
  const socket = connect(path);
  socket.write('{"execute": "qmp_capabilities"}\n{"execute": "quit"}\n');
  socket.resume();
  socket.on('error', () => {}); // it may hang up before it has read all: what counts is that it is gone
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
}

/** Resolves when `holds` does; checked every 20 ms, since what is waited for here gives no sign by itself. */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  withinMs: number,
  what: string,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
