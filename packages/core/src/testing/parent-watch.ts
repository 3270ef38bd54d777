import { clearInterval, setInterval } from '../host/clock.js';

/** Whether this process was started by one that it talks to, such as the runner of a worker. */
const hadParent = process.connected;

/** Node's own test runner does not talk to its processes: they find out by whose child they are. */
const runnerPid = process.env.NODE_TEST_CONTEXT === undefined ? undefined : process.ppid;
const lookEveryMs = 500;

const end = () => process.exit(1);
let watches = 0;

/**
 * Ends this process when the runner that started it has died: nobody is left to report to, and its test may go on for ever; its
 * machines end with it. To be held only while there is a machine, since it keeps the process from ending by itself.
 */
export class ParentWatch implements Disposable {
  readonly #timer =
    runnerPid === undefined
      ? undefined
      : setInterval(() => process.ppid === runnerPid || end(), lookEveryMs).unref();
  #over = !hadParent;

  constructor() {
    if (this.#over) return;
    if (!process.connected) end();
    if (watches++ === 0) process.on('disconnect', end);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (this.#over) return;
    this.#over = true;
    if (--watches === 0) process.off('disconnect', end);
  }
}
