import { type ChildProcess, execFileSync, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { pickAccelerator } from '@msbtest/core';
import { createUpper } from '#core/disk/upper.js';
import { environmentFrom } from '#core/engine/environment.js';
import { newRecord } from '#core/engine/new-record.js';
import { Shape } from '#core/engine/shape.js';
import { freeze } from '#core/vmm/freezing.js';
import { Qmp } from '#core/vmm/qmp.js';
import { checkout } from '../support/saboteurs.js';
import { small } from '../support/vm.js';
import type { Life } from './life.js';

/** A bare machine that has not run `true` by then is stuck. */
const timeoutMs = 60_000;

type Kind = 'boot' | 'template' | 'clone';

/** What the monitor of a clone is told, as the engine tells it. */
const orders = [
  { execute: 'qmp_capabilities' },
  {
    execute: 'migrate-set-capabilities',
    arguments: { capabilities: [{ capability: 'x-ignore-shared', state: true }] },
  },
  { execute: 'migrate-incoming', arguments: { uri: 'fd:7' } },
];

/**
 * What machines take without any of us: the same QEMU, with the same arguments but for where its lines lead, the same kernel and
 * disks, started by a shell script, and in them an agent of twenty lines.
 */
export class Floor {
  readonly #directory: string;
  readonly #shape: Shape;
  #count = 0;

  private constructor(directory: string, shape: Shape) {
    this.#directory = directory;
    this.#shape = shape;
  }

  /** @param directory is the caller's to remove. */
  static async make(directory: string): Promise<Floor> {
    const init = join(directory, 'init');
    execFileSync('musl-gcc', ['-static', '-Os', '-o', init, `${checkout}/test/bench/floor-init.c`]);
    const environment = environmentFrom({ ...process.env, MSB_AGENTD: init });
    const record = await newRecord(environment, await small('floor').build());
    const shape = new Shape(environment, record, pickAccelerator(environment.accelerator));
    await createUpper(environment.places, join(directory, 'blank.ext4'), shape.diskMib);
    return new Floor(directory, shape);
  }

  /** A cold boot. */
  boot(): Promise<Life> {
    return this.#live('floor.sh', join(this.#directory, 'blank.ext4'), 'boot');
  }

  /** Boots a machine, and freezes it when it has run `true` once, for {@link clone}. */
  async makeTemplate(): Promise<void> {
    const template = this.#template;
    mkdirSync(template);
    execFileSync('cp', [
      '--sparse=always',
      join(this.#directory, 'blank.ext4'),
      join(template, 'upper.ext4'),
    ]);
    writeFileSync(join(template, 'orders'), orders.map((order) => `${JSON.stringify(order)}\n`).join(''));
    using qmp = new Qmp();
    const memory = openSync(join(template, 'memory'), 'w');
    const [program = '', ...args] = this.#command('template', template);
    const stdio: StdioOptions = ['ignore', 'ignore', 'inherit', 'pipe', 'ignore', qmp.theirs.fd, memory];
    const machine = spawn(program, args, { stdio });
    const ended = once(machine, 'close');
    qmp.theirs[Symbol.dispose]();
    closeSync(memory);
    try {
      await runTrue(machine);
      await freeze(qmp, join(template, 'state'), join(template, 'state.sock'));
    } finally {
      machine.kill('SIGKILL');
      await ended;
    }
  }

  /** One that goes on from the template. */
  clone(): Promise<Life> {
    return this.#live('floor-clone.sh', this.#template, 'clone');
  }

  /** How to start one that boots, with its line on descriptor 3. */
  async bareCommand(directory: string): Promise<string[]> {
    mkdirSync(directory);
    execFileSync('cp', [
      '--sparse=always',
      join(this.#directory, 'blank.ext4'),
      join(directory, 'upper.ext4'),
    ]);
    return this.#command('boot', directory);
  }

  get #template(): string {
    return join(this.#directory, 'template');
  }

  async #live(script: string, from: string, kind: Kind): Promise<Life> {
    const directory = join(this.#directory, `${++this.#count}`);
    const command = this.#command(kind, directory);
    const begin = performance.now();
    const machine = spawn('sh', [`${checkout}/test/bench/${script}`, from, directory, ...command], {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    });
    const ended = once(machine, 'close');
    let doneMs: number;
    try {
      await runTrue(machine);
      doneMs = performance.now() - begin;
    } finally {
      machine.kill('SIGKILL');
      await ended;
    }
    await rm(directory, { recursive: true });
    return { doneMs, goneMs: performance.now() - begin };
  }

  #command(kind: Kind, directory: string): string[] {
    const files = { upper: join(directory, 'upper.ext4'), controlSocket: join(directory, 'qmp.sock') };
    const { file, args } = this.#shape.command(kind === 'clone' ? { kind } : kind, files);
    const replaced = args.map((arg) => {
      if (arg === 'socket,id=console,fd=4') return 'null,id=console';
      return kind === 'clone' && arg === 'socket,id=control,fd=5' ? 'stdio,id=control,signal=off' : arg;
    });
    replaced.splice(replaced.indexOf('-qmp'), 2);
    return [file, ...replaced];
  }
}

/** Has the agent at descriptor 3 run `true` once. It may be asked before it is there. */
async function runTrue(machine: ChildProcess): Promise<void> {
  const port = machine.stdio[3] as Socket;
  const timer = setTimeout(() => machine.kill('SIGKILL'), timeoutMs);
  try {
    port.on('error', () => {}); // it ends with the machine, which is reported below
    port.write('!');
    let said = '';
    for await (const chunk of port.iterator({ destroyOnReturn: false })) {
      said += chunk;
      if (said === 'done\n') return;
    }
    throw new Error(
      `A bare machine said ${JSON.stringify(said)} and ended, or was ended after ${timeoutMs} ms.`,
    );
  } finally {
    clearTimeout(timer);
  }
}
