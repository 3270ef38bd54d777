import type { AgentConnection, AgentGoneError } from '../agent/connection.js';

/** Tells what the loss of a connection means: a crash, a stop, a broken line. */
export type ExplainLoss = (cause: AgentGoneError) => Promise<Error>;

/**
 * A connection to a sandbox's agent that one piece of work has for itself, until it gives it back or hangs up. In the guest, what a
 * connection has begun ends with it.
 */
export class Line implements Disposable {
  readonly connection: AgentConnection;
  readonly explainLoss: ExplainLoss;
  readonly #keep: ((connection: AgentConnection) => void) | undefined;
  #isOver = false;

  /** @param keep takes back a connection that can be used again; absent: it is closed. */
  constructor(
    connection: AgentConnection,
    explainLoss: ExplainLoss,
    keep?: (connection: AgentConnection) => void,
  ) {
    this.connection = connection;
    this.explainLoss = explainLoss;
    this.#keep = keep;
  }

  /** Given back or closed: it is not to be used any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Every session that was opened over it has ended: the next piece of work may have it. */
  giveBack(): void {
    if (this.#isOver) return; // it may be another's by now
    this.#isOver = true;
    if (this.#keep && this.connection.isReusable) this.#keep(this.connection);
    else this.connection.close();
  }

  /** Hangs up: what is under way over it is over. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
