import { getSystemErrorName } from 'node:util';
import { AgentConnection } from '../agent/connection.js';
import { Descriptors, openFile } from '../host/descriptor.js';
import { errnoOf } from '../host/native.js';
import type { SandboxRecord } from '../store/record.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';
import { goOn } from '../vmm/freezing.js';
import { type Qmp, VmmControlError } from '../vmm/qmp.js';
import { vmmDescriptors, vmmLines } from '../vmm/vmm.js';
import type { CloneSource } from './clone-source.js';
import type { Environment } from './environment.js';
import { resumeFrame, unclaimed } from './first-frame.js';
import { decodeForkAnswer, encodeForkOrder } from './fork-order.js';
import { LiveVmm } from './live-vmm.js';
import { rehearseForCopies, renew } from './rehearsal.js';
import type { Shape } from './shape.js';
import type { RelayStart, StartVmm } from './spawn-relay.js';
import type { Template } from './template.js';

/** It becomes ready as a clone does, and on an overloaded host takes some times that. */
const readyTimeoutMs = 20_000;

/** A fork takes milliseconds; one whose threads do not stand still is given up after a second. */
const forkTimeoutMs = 5_000;

/**
 * A template that is alive: a machine that has gone on from it, has run a first command, and stands still. Its clones are forks of its
 * VMM, threads and all, which have in common with it not only the guest's memory but all that the emulator has made of its code;
 * `native/fork` says how that is done. It belongs to this process, and ends with it.
 */
export class LiveTemplate implements CloneSource, AsyncDisposable {
  readonly forks = true;
  readonly #vmm: LiveVmm;
  readonly #openFiles: ReturnType<LiveVmm['openFiles']>;
  readonly #whenFailed: () => Promise<void>;
  /** One fork at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(vmm: LiveVmm, whenFailed: () => Promise<void>) {
    this.#vmm = vmm;
    this.#openFiles = vmm.openFiles();
    this.#whenFailed = whenFailed;
  }

  /**
   * @param record of any sandbox of that shape.
   * @param whenFailed hears when a fork of it came to nothing.
   */
  static async start(
    { places, templates }: Environment,
    template: Template,
    shape: Shape,
    record: SandboxRecord,
    whenFailed: () => Promise<void>,
  ): Promise<LiveTemplate> {
    const nobodys = unclaimed(record);
    const vmm = await LiveVmm.start(template, shape, templates.scratch(), `${places.home}/`);
    try {
      const [connection] = await Promise.all([
        AgentConnection.direct(vmm.agent, resumeFrame(nobodys), { timeoutMs: readyTimeoutMs }),
        goOn(vmm.qmp),
      ]);
      const bounds = { timeoutMs: readyTimeoutMs };
      await rehearseForCopies(connection, bounds);
      // Once more: the emulator links what it has translated when it comes by again, which each fork would do in a copy of its own.
      await renew(connection, nobodys, bounds);
      await rehearseForCopies(connection, bounds);
      await vmm.qmp.execute('stop');
      connection.rest();
      return new LiveTemplate(vmm, whenFailed);
    } catch (error) {
      await vmm[Symbol.asyncDispose]();
      throw error;
    }
  }

  get upper(): string {
    return this.#vmm.diskPath;
  }

  vmm(directory: SandboxDirectory, qmp: Qmp): StartVmm {
    return (relay) => {
      const turn = this.#turn.then(() => this.#fork(relay, directory, qmp));
      this.#turn = turn.catch(() => {});
      return turn;
    };
  }

  async goOn(qmp: Qmp): Promise<void> {
    await Promise.all([qmp.event('RESUME'), qmp.execute('cont')]);
  }

  async failed(sandbox: string, error: Error): Promise<void> {
    process.emitWarning(
      `Sandbox "${sandbox}" could not be forked, and is cloned from the files of its template: ${error.message} So are those that come after it.`,
      { code: 'MSB_FORK_FAILED' },
    );
    await this.#whenFailed();
  }

  async #fork(relay: RelayStart, directory: SandboxDirectory, qmp: Qmp): ReturnType<StartVmm> {
    using lent = new Descriptors();
    const disk = lent.add(openFile(directory.upper, 'r+'));
    const [output, agent, console] = [lent.pair(), lent.pair(), lent.pair()];
    const order = encodeForkOrder({
      relay: [relay.file, ...relay.args, '--adopt'],
      relayFds: [...relay.fds, output.ours, agent.ours, console.ours],
      replacements: [
        { number: 1, with: output.theirs },
        { number: 2, with: output.theirs },
        { number: vmmLines.agent, with: agent.theirs },
        { number: vmmLines.console, with: console.theirs },
        { number: vmmDescriptors.control, with: lent.add(qmp.theirs) },
        ...this.#openFiles.disk.map((number) => ({ number, with: disk })),
        ...this.#openFiles.memory.map((number) => ({ number, with: this.#vmm.memoryFd })),
      ],
    });
    const answer = await this.#vmm.order(order.bytes, order.fds, forkTimeoutMs).catch(asControlError);
    const made = decodeForkAnswer(answer.bytes);
    const [pidfd] = answer.fds;
    if (made && 'relay' in made && pidfd !== undefined) return { pid: made.relay, pidfd };
    const why =
      made && 'errno' in made ? `${made.step}: ${getSystemErrorName(-made.errno)}` : 'an answer that is none';
    throw new VmmControlError(`The live template makes no fork: ${why}.`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn;
    await this.#vmm[Symbol.asyncDispose]();
  }
}

function asControlError(error: unknown): never {
  throw new VmmControlError(`The live template is gone, or takes no orders (${errnoOf(error)}).`, {
    cause: error,
  });
}
