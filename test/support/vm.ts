import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { Sandbox, type SandboxHandle } from '@msbtest/core';
import { PrivateHome } from '@msbtest/fixtures/private-home';
import { afterAll, afterEach, expect } from 'vitest';
import { placesFromEnv } from '#core/host/paths.js';
import { SandboxDirectory } from '#core/store/sandbox-directory.js';

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

/** A process that runs a VMM, and the relay above it. */
interface VmmProcess {
  readonly pid: number;
  readonly args: string[];
  readonly relay: number;
}

/** The VMM that has a sandbox's disk open, by whatever name it was opened; of a fork, the arguments are those of what was forked. */
export function vmmOf({ diskPath }: Pick<SandboxHandle, 'diskPath'>): VmmProcess {
  const [vmm] = vmmsIn(diskPath);
  if (vmm) return vmm;
  throw new Error(`No VMM has ${diskPath} open.`);
}

/** The VMMs that have a file open that is there, or below it. */
export function vmmsIn(path: string): VmmProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        if (
          !/qemu-system/.test(args[0] ?? '') ||
          !openFiles(pid).some((file) => `${file}/`.startsWith(`${path}/`))
        )
          return [];
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        return [{ pid: Number(pid), args, relay: Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]) }];
      } catch {
        return []; // it has ended since
      }
    });
}

function openFiles(pid: string): string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).flatMap((fd) => {
    try {
      return [readlinkSync(`${directory}/${fd}`)];
    } catch {
      return []; // closed since, by one that goes on working
    }
  });
}

/** Where a sandbox's sockets are, which may have been renamed since they were made. */
export function socketsOf({ diskPath }: Pick<SandboxHandle, 'diskPath'>): { agent: string; control: string } {
  const { agentSocket, controlSocket } = new SandboxDirectory(placesFromEnv(), dirname(diskPath));
  return { agent: agentSocket, control: controlSocket };
}

/** Tells a VMM over its control socket to quit, and waits until it has hung up. */
export async function qmpQuit(handle: Pick<SandboxHandle, 'diskPath'>): Promise<void> {
  const socket = connect(socketsOf(handle).control);
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
