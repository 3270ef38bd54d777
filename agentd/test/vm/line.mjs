// SPDX-License-Identifier: Apache-2.0
// The host's end of the agent's line, as plain as can be: frames in, frames out, sessions by id.
import { decode, encode } from './cbor.mjs';

export const flagsOf = (t) =>
  t === 'core.shutdown'
    ? 4
    : ['core.exec.request', 'core.fs.request', 'core.tcp.connect'].includes(t)
      ? 2
      : 0;

export function frame(id, t, payload, { flags = flagsOf(t), v = 7 } = {}) {
  return rawFrame(id, flags, encode({ v, t, p: encode(payload) }));
}

export function rawFrame(id, flags, body) {
  const head = Buffer.alloc(9);
  head.writeUInt32BE(5 + body.length, 0);
  head.writeUInt32BE(id, 4);
  head[8] = flags;
  return Buffer.concat([head, body]);
}

export class Line {
  #chunks = [];
  #have = 0;
  #waiters = new Set();
  #socket;
  frames = [];
  taken = 0;
  nextId = 1;
  onFrame = () => {};

  constructor(socket) {
    this.#socket = socket;
    socket.on('data', (d) => this.#feed(d));
    socket.on('error', () => {});
  }

  get socket() {
    return this.#socket;
  }

  #feed(d) {
    this.#chunks.push(d);
    this.#have += d.length;
    while (this.#have >= 4) {
      if (this.#chunks[0].length < 4) this.#chunks = [Buffer.concat(this.#chunks)];
      const size = 4 + this.#chunks[0].readUInt32BE(0);
      if (this.#have < size) return;
      const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
      this.#chunks = [all.subarray(size)];
      this.#have -= size;
      const m = decode(all.subarray(9, size));
      const f = { id: all.readUInt32BE(4), flags: all[8], v: m.v, t: m.t, p: decode(m.p) };
      this.frames.push(f);
      this.onFrame(f);
      for (const w of this.#waiters) w();
    }
  }

  send(id, t, payload, how) {
    this.#socket.write(frame(id, t, payload, how));
  }

  raw(bytes) {
    this.#socket.write(bytes);
  }

  /** The first frame that fits, among all that came since `from`. */
  wait(fits, ms = 10000, what = 'a frame', from = 0) {
    return new Promise((resolve, reject) => {
      let at = from;
      const look = () => {
        for (; at < this.frames.length; at++)
          if (fits(this.frames[at])) return done(resolve, this.frames[at]);
      };
      const done = (how, v) => {
        clearTimeout(timer);
        this.#waiters.delete(look);
        how(v);
      };
      const timer = setTimeout(
        () =>
          done(reject, new Error(`no ${what} in ${ms} ms; last: ${JSON.stringify(this.frames.slice(-3))}`)),
        ms,
      );
      this.#waiters.add(look);
      look();
    });
  }

  /** Starts a command; what comes back is gathered as it comes. */
  start(cmd, args = [], more = {}) {
    const id = more.id ?? this.nextId++;
    const { id: _, ...request } = more;
    const from = this.frames.length;
    this.send(id, 'core.exec.request', {
      cmd,
      args,
      env: [],
      cwd: null,
      user: null,
      tty: false,
      rows: 24,
      cols: 80,
      rlimits: [],
      ...request,
    });
    const of = (t) => this.frames.slice(from).filter((f) => f.id === id && f.t === t);
    const text = (t) => Buffer.concat(of(t).map((f) => f.p.data)).toString();
    return {
      id,
      started: () =>
        this.wait((f) => f.id === id && f.t === 'core.exec.started', 10000, `started ${cmd}`, from),
      stdin: (data) => this.send(id, 'core.exec.stdin', { data: Buffer.from(data) }),
      signal: (signal) => this.send(id, 'core.exec.signal', { signal }),
      stdout: () => text('core.exec.stdout'),
      stderr: () => text('core.exec.stderr'),
      bytes: () => of('core.exec.stdout').reduce((n, f) => n + f.p.data.length, 0),
      of,
      end: (ms = 20000) =>
        this.wait((f) => f.id === id && f.flags & 1, ms, `end of ${cmd} ${args.join(' ')}`, from),
    };
  }

  async exec(cmd, args = [], more = {}) {
    const s = this.start(cmd, args, { stdin: 'null', ...more });
    const end = await s.end();
    return { t: end.t, ...end.p, stdout: s.stdout(), stderr: s.stderr() };
  }

  sh(script, more) {
    return this.exec('/bin/sh', ['-c', script], more);
  }
}
