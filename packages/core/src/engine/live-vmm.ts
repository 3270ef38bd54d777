import { fstatSync, readdirSync, rmSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { FrameLine } from '../agent/frame-line.js';
import { type Descriptor, Descriptors, openFile, ownDescriptor } from '../host/descriptor.js';
import { forkLibraryPath, native } from '../host/native.js';
import { Qmp, VmmControlError } from '../vmm/qmp.js';
import { vmmDescriptors, vmmLines } from '../vmm/vmm.js';
import type { Shape } from './shape.js';
import type { Template } from './template.js';

/** The kernel ends a process that was sent SIGKILL; seconds pass only on a machine in distress. */
const goneTimeoutMs = 10_000;

/** What a VMM that is to be forked is born with beside what every clone's is: its disk, and the line for orders. */
const diskFd = 8;
const orderFd = 9;

/**
 * The process of a live template. It is our child, without a relay: whoever wants anything of its guest is in this process. The
 * library that makes it forkable ends it when its line for orders is closed, as it is at our death.
 */
export class LiveVmm implements AsyncDisposable {
  /** The agent's line. */
  readonly agent: FrameLine;
  readonly qmp = new Qmp();
  readonly #held = new Descriptors();
  readonly #pid: number;
  readonly #pidfd: Descriptor;
  readonly #orders: Descriptor;
  readonly #disk: number;
  readonly #memory: number;

  private constructor(template: Template, shape: Shape, scratch: string, owner: string) {
    using given = new Descriptors();
    const [orders, theirs] = native.messagePair();
    native.ownFd(orders); // a thread that ends takes its live templates with it
    this.#orders = ownDescriptor(orders);
    const [line, agent] = native.socketPair();
    this.agent = FrameLine.on(line);
    this.#disk = this.#held.add(openFile(scratch, 'r'));
    rmSync(scratch);
    this.#memory = this.#held.add(openFile(template.memory, 'r'));
    const nothing = given.add(openFile('/dev/null', 'r+'));
    // Nobody reads it, but a VMM whose console has hung up closes its end, and opens something else under that number.
    const [consoleEnd, console] = native.socketPair();
    this.#held.add(ownDescriptor(consoleEnd));
    const lines: Record<number, number> = {
      0: nothing,
      1: nothing,
      2: nothing,
      [vmmLines.agent]: given.add(ownDescriptor(agent)),
      [vmmLines.console]: given.add(ownDescriptor(console)),
      [vmmDescriptors.control]: given.add(this.qmp.theirs),
      [vmmDescriptors.memory]: this.#memory,
      [vmmDescriptors.state]: given.add(openFile(template.state, 'r')),
      [diskFd]: this.#disk,
      [orderFd]: given.add(ownDescriptor(theirs)),
    };
    const files = { upper: `/proc/self/fd/${diskFd}`, controlSocket: null };
    const { file, args } = shape.command({ kind: 'live', owner }, files);
    const { pid, pidfd } = native.spawn({
      file,
      args,
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', LD_PRELOAD: forkLibraryPath, MSB_FORK_FD: `${orderFd}` },
      cwd: '/',
      fds: Object.values(lines), // by number, ascending
    });
    this.#pid = pid;
    this.#pidfd = ownDescriptor(pidfd);
  }

  /**
   * @param scratch where its disk is for a moment; a path in a directory of ours that is not there.
   * @param owner what its command line says of whose it is.
   */
  static async start(template: Template, shape: Shape, scratch: string, owner: string): Promise<LiveVmm> {
    await native.cloneFile(template.upper, scratch);
    return new LiveVmm(template, shape, scratch, owner);
  }

  /** Whether there is what such a VMM needs. */
  static isPossible({ accelerator }: Shape): boolean {
    const here = process.platform === 'linux' && process.arch === 'x64' && accelerator === 'tcg';
    return here && statSync(forkLibraryPath, { throwIfNoEntry: false }) !== undefined;
  }

  /** Its disk, as long as this is not disposed of. */
  get diskPath(): string {
    return `/proc/self/fd/${this.#disk}`;
  }

  /**
   * The numbers under which it has its disk open, and the file of its guest's memory, which no fork may have in common with it.
   *
   * @throws VmmControlError when it has not.
   */
  openFiles(): { readonly disk: readonly number[]; readonly memory: readonly number[] } {
    const all = readdirSync(`/proc/${this.#pid}/fd`).map(Number);
    const opened = (fd: number, born: number) => {
      const { dev, ino } = fstatSync(fd);
      return all.filter((number) => {
        const stat = statSync(`/proc/${this.#pid}/fd/${number}`, { throwIfNoEntry: false });
        return number !== born && stat?.ino === ino && stat.dev === dev;
      });
    };
    const disk = opened(this.#disk, diskFd);
    const memory = opened(this.#memory, vmmDescriptors.memory);
    if (disk.length > 0 && memory.length > 0) return { disk, memory };
    throw new VmmControlError('The live template does not have its disk and its memory open.');
  }

  /** Our own descriptor of the file of its guest's memory. */
  get memoryFd(): number {
    return this.#memory;
  }

  /** Gives an order to fork. @throws a SystemError when it has ended, or does not answer within `timeoutMs`. */
  order(
    bytes: Uint8Array,
    fds: readonly number[],
    timeoutMs: number,
  ): Promise<{ bytes: Buffer; fds: number[] }> {
    return native.ask(this.#orders.fd, bytes, fds, timeoutMs);
  }

  /** Ends it; its forks go on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.agent.socket.destroy();
    this.qmp[Symbol.dispose]();
    this.#held[Symbol.dispose]();
    this.#orders[Symbol.dispose]();
    native.pidfdSignal(this.#pidfd.fd, constants.signals.SIGKILL);
    await native.pidfdWait(this.#pidfd.fd, goneTimeoutMs);
    this.#pidfd[Symbol.dispose]();
  }
}
