/** The frames of the agent protocol, and as much CBOR as the tests need. */

export const TERMINAL = 1;
export const SESSION_START = 2;
export const SHUTDOWN = 4;

export const frame = (id, flags, body = Buffer.alloc(0)) => {
  const bytes = Buffer.alloc(9 + body.length);
  bytes.writeUInt32BE(5 + body.length, 0);
  bytes.writeUInt32BE(id, 4);
  bytes[8] = flags;
  Buffer.from(body).copy(bytes, 9);
  return bytes;
};

const head = (major, n) => {
  if (n < 24) return Buffer.from([(major << 5) | n]);
  if (n < 256) return Buffer.from([(major << 5) | 24, n]);
  const bytes = Buffer.alloc(5);
  bytes[0] = (major << 5) | 26;
  bytes.writeUInt32BE(n, 1);
  return bytes;
};

export const encode = (value) => {
  if (value === null) return Buffer.from([0xf6]);
  if (typeof value === 'boolean') return Buffer.from([value ? 0xf5 : 0xf4]);
  if (typeof value === 'number') return head(0, value);
  if (typeof value === 'string')
    return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  const pairs = Object.entries(value);
  return Buffer.concat([head(5, pairs.length), ...pairs.flat().map(encode)]);
};

export const decode = (bytes) => {
  let at = 0;
  const item = () => {
    const major = bytes[at] >> 5;
    let n = bytes[at++] & 31;
    if (major === 7) return { 20: false, 21: true, 22: null }[n];
    if (n === 24) n = bytes[at++];
    else if (n === 25) {
      n = bytes.readUInt16BE(at);
      at += 2;
    } else if (n === 26) {
      n = bytes.readUInt32BE(at);
      at += 4;
    }
    if (major === 0) return n;
    if (major === 2 || major === 3) {
      const part = bytes.subarray(at, at + n);
      at += n;
      return major === 3 ? part.toString() : part;
    }
    const map = {};
    for (let i = 0; i < n; i++) map[item()] = item();
    return map;
  };
  return item();
};

export const message = (type, payload = {}, { id = 0, flags = 0 } = {}) =>
  frame(id, flags, encode({ v: 7, t: type, p: encode(payload) }));

/** {t, p} of a frame's body. */
export const read = (body) => {
  const { t, p } = decode(body);
  return { t, p: decode(p) };
};

/** Collects a stream's bytes and hands out whole frames, in order. */
export class FrameStream {
  #bytes = Buffer.alloc(0);
  #ended = false;
  #wake = () => {};
  paused = false;

  constructor(socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('end', end).on('close', end).on('error', end);
  }

  /** Waits until `take` gives something, or the end (null). */
  async #until(take, what) {
    const limit = Date.now() + 5000;
    for (;;) {
      const got = take();
      if (got !== undefined) return got;
      if (this.#ended) return null;
      const left = limit - Date.now();
      if (left <= 0) throw new Error(`no ${what} within 5 s`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  bytes(count) {
    return this.#until(() => {
      if (this.#bytes.length < count) return undefined;
      const taken = this.#bytes.subarray(0, count);
      this.#bytes = this.#bytes.subarray(count);
      return taken;
    }, `${count} bytes`);
  }

  frame() {
    return this.#until(() => {
      if (this.#bytes.length < 4) return undefined;
      const size = 4 + this.#bytes.readUInt32BE(0);
      if (this.#bytes.length < size) return undefined;
      const taken = this.#bytes.subarray(0, size);
      this.#bytes = this.#bytes.subarray(size);
      return { id: taken.readUInt32BE(4), flags: taken[8], body: taken.subarray(9) };
    }, 'frame');
  }

  /** The next frame's type and payload. */
  async message() {
    const got = await this.frame();
    return got && { id: got.id, flags: got.flags, ...read(got.body) };
  }

  /** Resolves at the end of file; fails where a frame comes instead. */
  async end() {
    const got = await this.frame();
    if (got !== null) throw new Error(`a frame instead of the end: id ${got.id}, flags ${got.flags}`);
  }

  write(bytes) {
    return new Promise((resolve) => {
      this.socket.write(bytes, resolve);
    });
  }

  get buffered() {
    return this.#bytes.length;
  }
}
