import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  read,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { lockFile, pidfdSignal, pidfdWait, socketPair, spawn } from '../../index.js';
import { FrameStream, message } from './frames.mjs';

const built = (name) => fileURLToPath(new URL(`../../build/${name}`, import.meta.url));

export const RELAY = built('msb-relay');
export const STAND_IN = built('stand-in-vmm');
const ADOPTER = built('stand-in-adopter');

export const BOOTSTRAP = message('core.bootstrap', { hostname: 'stand-in' });
export const READY = message('core.ready', { ready_time_ns: 5 });

const listenOnce = (path) => {
  const server = createServer({ allowHalfOpen: true });
  const connection = new Promise((resolve) => server.once('connection', resolve));
  return new Promise((resolve) => server.listen(path, () => resolve({ server, connection })));
};

export const eventually = async (what, check) => {
  const limit = Date.now() + 5000;
  for (;;) {
    if (await check()) return;
    if (Date.now() > limit) throw new Error(`not within 5 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

/** Reads one byte of a relay's leash, which ends with the relay; '' where it has said nothing until then. */
const wordOf = async (leash, pidfd) => {
  const limit = setTimeout(() => pidfdSignal(pidfd, 9), 5000);
  const { bytesRead, buffer } = await promisify(read)(leash, Buffer.alloc(1), 0, 1, null);
  clearTimeout(limit);
  return buffer.toString('latin1', 0, bytesRead);
};

/** A relay, a stand-in VMM that the test speaks for, and all that they need; gone again when the test is over. */
export class Machine {
  /**
   * @param owner `hears` the relay's first word, which is then in `said`; is `deaf` to it; or is `dead` before the relay is born
   * @param forVmm descriptors that the relay is to give the VMM; they stay the test's to close
   * @param adopted the VMM is there before the relay, which adopts it; `dead`: and has ended before the relay is there
   * @param vmm its command line, if it is not the stand-in; null for none
   * @param prepare gets the machine when everything is there but the relay
   */
  static async start(
    t,
    {
      args = [],
      creating = false,
      vmm,
      bootstrap = BOOTSTRAP,
      bootstrapFd,
      lockFd,
      forVmm = [],
      relay = RELAY,
      adopted = false,
      owner = 'hears',
      prepare = () => {},
    } = {},
  ) {
    const home = mkdtempSync(join(tmpdir(), 'msb-relay-'));
    const machine = new Machine();
    t.after(() => machine.#clear());
    Object.assign(machine, {
      home,
      dir: join(home, 'sandbox'),
      run: join(home, 'run'), // the relay makes it
      socketPath: join(home, 'run', 'agent.sock'),
      servers: [],
      sockets: [],
    });
    mkdirSync(machine.dir);
    if (creating) writeFileSync(join(machine.dir, 'creating'), '');

    const data = await listenOnce(join(home, 'data'));
    const commands = await listenOnce(join(home, 'commands'));
    machine.servers.push(data.server, commands.server);

    const bootstrapPath = join(home, 'bootstrap');
    writeFileSync(bootstrapPath, bootstrap);
    const [ours, theirs] = socketPair();
    const inherited = [
      openSync('/dev/null', 'r'),
      openSync(join(machine.dir, 'vmm.log'), 'a', 0o600),
      theirs,
      lockFd ?? (await lockFile(join(machine.dir, 'lock'), 1000)),
      bootstrapFd ?? openSync(bootstrapPath, 'r'),
    ];
    const [nil, log, ...rest] = inherited;
    machine.leash = ours;
    if (owner === 'dead') machine.dropLeash();
    const more = forVmm.length > 0 ? ['--vmm-descriptors', String(forVmm.length)] : [];
    prepare(machine);
    machine.process = spawn({
      file: adopted ? ADOPTER : relay,
      args: [
        ...(adopted ? [relay] : []),
        ...['--sandbox-dir', machine.dir, '--socket', machine.socketPath, ...more, ...args],
        ...(vmm === null ? [] : ['--', ...(vmm ?? [STAND_IN, join(home, 'data'), join(home, 'commands')])]),
      ],
      env: adopted === 'dead' ? { VMM_ENDS_FIRST: '1' } : { LANG: 'C' },
      cwd: '/',
      fds: [nil, log, log, ...rest, ...forVmm],
    });
    for (const fd of inherited) closeSync(fd);
    machine.ended = pidfdWait(machine.process.pidfd, 20_000);
    machine.ended.catch(() => {});
    if (owner === 'hears') machine.said = await wordOf(ours, machine.process.pidfd);
    if (vmm === undefined && bootstrapFd === undefined) await machine.meetVmm(data, commands);
    return machine;
  }

  async meetVmm(data, commands) {
    const [dataSocket, commandSocket] = await Promise.all([data.connection, commands.connection]);
    this.sockets.push(dataSocket, commandSocket);
    this.guest = new FrameStream(dataSocket);
    this.lines = createInterface({ input: commandSocket })[Symbol.asyncIterator]();
    this.commandSocket = commandSocket;
    this.descriptors = [];
    for (;;) {
      const { value } = await this.lines.next();
      if (value === 'ready') break;
      this.descriptors.push(value);
    }
  }

  /** Reads the bootstrap frame and says core.ready. */
  async boot() {
    const first = await this.guest.message();
    await this.guest.write(READY);
    await eventually('the lock says running', () => this.lockLine().includes('running'));
    return first;
  }

  /** Has the stand-in do something and waits until it is done. */
  async command(line) {
    this.commandSocket.write(`${line}\n`);
    await this.lines.next();
  }

  async connect() {
    const socket = connect({ path: this.socketPath, allowHalfOpen: true });
    this.sockets.push(socket);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new FrameStream(socket);
  }

  /** A client that has its handshake behind it. */
  async client() {
    const stream = await this.connect();
    const range = await stream.bytes(8);
    stream.start = range.readUInt32BE(0);
    stream.endExclusive = range.readUInt32BE(4);
    stream.ready = await stream.frame();
    return stream;
  }

  /** The guest powers off. */
  async powerOff(code = 0) {
    await this.command(`code ${code}`);
    this.guest.socket.end();
  }

  signal(number) {
    return pidfdSignal(this.process.pidfd, number);
  }

  dropLeash() {
    closeSync(this.leash);
    this.leash = -1;
  }

  lockLine() {
    return readFileSync(join(this.dir, 'lock'), 'latin1');
  }

  /** exit.json, once the relay has ended. */
  async exitRecord() {
    await this.ended;
    return JSON.parse(readFileSync(join(this.dir, 'exit.json'), 'utf8'));
  }

  file(name) {
    return readFileSync(join(this.dir, name), 'utf8');
  }

  has(name) {
    return existsSync(join(this.dir, name));
  }

  /** As an owner does that gives the machine its final name. */
  move(name) {
    const [dir, run] = [join(this.home, name), join(this.home, `${name}-run`)];
    renameSync(this.dir, dir);
    renameSync(this.run, run);
    Object.assign(this, { dir, run, socketPath: join(run, 'agent.sock') });
  }

  async #clear() {
    if (this.process) {
      pidfdSignal(this.process.pidfd, 9);
      await this.ended.catch(() => {});
      closeSync(this.process.pidfd);
    }
    if (this.leash >= 0) closeSync(this.leash);
    for (const socket of this.sockets) socket.destroy();
    for (const server of this.servers) server.close();
    rmSync(this.home, { recursive: true, force: true });
  }
}
