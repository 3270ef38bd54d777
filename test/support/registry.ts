import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, createPrivateKey, createSign, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findExecutable } from '#core/host/executables.js';
import { eventually } from './vm.js';

const run = promisify(execFile);

/** Whether there is what it takes; where tests are to be run whatever there is, they fail without. */
export const hasRegistry =
  process.env.MSB_TEST === 'require' ||
  ['docker-registry', 'skopeo', 'htpasswd', 'openssl'].every(
    (program) => findExecutable(program) !== undefined,
  );

export const login = { username: 'tester', password: 'a secret of tests' };

interface Options {
  /** Who may come in: anybody, those with a password, or those with a token of the server of {@link DockerRegistry.tokens}. */
  readonly auth?: 'none' | 'basic' | 'token';
  readonly tls?: boolean;
}

/** Debian's docker-registry on the loopback, with nothing in it. */
export class DockerRegistry implements AsyncDisposable {
  readonly host: string;
  /** In PEM; who trusts it trusts a registry with TLS. */
  readonly ca: string;
  readonly #directory: string;
  readonly #child: ChildProcess;
  readonly #options: Options;
  readonly #tokens: Server | undefined;
  /** What the token server was asked, and by whom. */
  readonly tokens: { readonly scope: string | null; readonly authorization: string | undefined }[];
  #log = '';

  static async start(options: Options = {}): Promise<DockerRegistry> {
    const directory = mkdtempSync(join(tmpdir(), 'msb-registry-'));
    await certificates(directory);
    const port = await freePort();
    const tokens: DockerRegistry['tokens'] = [];
    const server = options.auth === 'token' ? await tokenServer(directory, tokens) : undefined;
    const auth = {
      none: undefined,
      basic: { htpasswd: { realm: 'tests', path: join(directory, 'htpasswd') } },
      token: {
        token: {
          realm: `http://127.0.0.1:${(server?.address() as AddressInfo)?.port}/token`,
          service: 'tests',
          issuer: 'tests',
          rootcertbundle: join(directory, 'ca.crt'),
        },
      },
    }[options.auth ?? 'none'];
    if (options.auth === 'basic') {
      const { stdout } = await run('htpasswd', ['-nbB', login.username, login.password]);
      writeFileSync(join(directory, 'htpasswd'), stdout);
    }
    const config = {
      version: '0.1',
      log: { level: 'error' },
      storage: { filesystem: { rootdirectory: join(directory, 'data') }, delete: { enabled: true } },
      http: {
        addr: `127.0.0.1:${port}`,
        ...(options.tls
          ? { tls: { certificate: join(directory, 'server.crt'), key: join(directory, 'server.key') } }
          : {}),
      },
      ...(auth ? { auth } : {}),
    };
    writeFileSync(join(directory, 'config.yml'), JSON.stringify(config)); // JSON is YAML
    const child = spawn('docker-registry', ['serve', join(directory, 'config.yml')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const registry = new DockerRegistry(`127.0.0.1:${port}`, directory, child, options, server, tokens);
    await registry.#up();
    return registry;
  }

  private constructor(
    host: string,
    directory: string,
    child: ChildProcess,
    options: Options,
    server: Server | undefined,
    tokens: DockerRegistry['tokens'],
  ) {
    this.host = host;
    this.ca = join(directory, 'ca.crt');
    this.#directory = directory;
    this.#child = child;
    this.#options = options;
    this.#tokens = server;
    this.tokens = tokens;
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.#log = (this.#log + chunk).slice(-1024 * 1024);
      });
  }

  /** Lines of its access log: what it was asked, such as `GET /v2/app/blobs/sha256:… HTTP/1.1" 200`. */
  asked(pattern: RegExp): string[] {
    return this.#log
      .split('\n')
      .filter((line) => /"(GET|HEAD|PUT|POST) \/v2\//.test(line) && pattern.test(line));
  }

  /** Pushes an image of an OCI layout, as others do. */
  async push(layout: string, name: string, ...more: string[]): Promise<void> {
    const { tls, auth } = this.#options;
    await run('skopeo', [
      'copy',
      '--insecure-policy',
      '--quiet',
      ...(tls ? [`--dest-cert-dir=${join(this.#directory, 'certs')}`] : ['--dest-tls-verify=false']),
      ...(auth === 'none' || auth === undefined ? [] : [`--dest-creds=${login.username}:${login.password}`]),
      ...more,
      `oci:${layout}`,
      `docker://${this.host}/${name}`,
    ]);
  }

  /** The media types of an image's layers, as they are there. */
  async layerTypes(name: string): Promise<string[]> {
    const { tls, auth } = this.#options;
    const { stdout } = await run('skopeo', [
      ...['inspect', '--raw'],
      ...(tls ? [`--cert-dir=${join(this.#directory, 'certs')}`] : ['--tls-verify=false']),
      ...(auth === 'none' || auth === undefined ? [] : [`--creds=${login.username}:${login.password}`]),
      `docker://${this.host}/${name}`,
    ]);
    const { layers } = JSON.parse(stdout) as { layers: { mediaType: string }[] };
    return layers.map(({ mediaType }) => mediaType);
  }

  /** Puts a manifest or an index, as it is, into a registry that anybody may write to. */
  async put(name: string, reference: string, mediaType: string, document: string): Promise<void> {
    const response = await fetch(`http://${this.host}/v2/${name}/manifests/${reference}`, {
      method: 'PUT',
      headers: { 'content-type': mediaType },
      body: document,
    });
    if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  }

  /** A manifest as it is there. */
  async manifest(name: string, reference: string): Promise<{ type: string; text: string; digest: string }> {
    const accept = [
      'application/vnd.oci.image.manifest.v1+json',
      'application/vnd.docker.distribution.manifest.v2+json',
    ];
    const response = await fetch(`http://${this.host}/v2/${name}/manifests/${reference}`, {
      headers: { accept: accept.join(', ') },
    });
    const text = await response.text();
    const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
    return { type: response.headers.get('content-type') ?? '', text, digest };
  }

  async #up(): Promise<void> {
    const port = Number(this.host.split(':')[1]);
    const answers = () =>
      new Promise<boolean>((resolve, reject) => {
        if (this.#child.exitCode !== null) reject(new Error(`docker-registry has ended: ${this.#log}`));
        const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
        socket.on('connect', () => socket.destroy());
      });
    await eventually(answers, 20_000, 'docker-registry answers');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tokens?.closeAllConnections();
    this.#tokens?.close();
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGKILL');
      await once(this.#child, 'close');
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** An authority, and what it vouches for: a server on the loopback. */
async function certificates(directory: string): Promise<void> {
  const openssl = (...args: string[]) => run('openssl', args, { cwd: directory });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
    '-days',
    '2',
    '-subj',
    '/CN=tests',
  );
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  await openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', ...names);
  const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'];
  await openssl(
    'x509',
    '-req',
    '-in',
    'server.csr',
    ...by,
    '-days',
    '2',
    '-copy_extensions',
    'copy',
    '-out',
    'server.crt',
  );
  mkdirSync(join(directory, 'certs'));
  writeFileSync(join(directory, 'certs', 'ca.crt'), readFileSync(join(directory, 'ca.crt')));
}

/** Hands out tokens as registries take them: what was asked for, to whoever knows the password, and reading to anybody. */
async function tokenServer(directory: string, asked: DockerRegistry['tokens']): Promise<Server> {
  const pem = readFileSync(join(directory, 'server.crt'), 'utf8');
  const x5c = [pem.replaceAll(/-----[^-]+-----|\s/g, '')];
  const key = createPrivateKey(readFileSync(join(directory, 'server.key')));
  const basic = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    const { authorization } = request.headers;
    asked.push({ scope: url.searchParams.get('scope'), authorization });
    if (authorization !== basic) return response.writeHead(401).end('{}');
    const access = url.searchParams.getAll('scope').map((scope) => {
      const [type = '', name = '', actions = ''] = scope.split(':');
      return { type, name, actions: actions.split(',') };
    });
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: 'tests',
      sub: login.username,
      aud: 'tests',
      exp: now + 60,
      nbf: now - 60,
      iat: now,
      jti: randomUUID(),
      access,
    };
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${part({ typ: 'JWT', alg: 'ES256', x5c })}.${part(claims)}`;
    const signature = createSign('sha256').update(text).sign({ key, dsaEncoding: 'ieee-p1363' }, 'base64url');
    return response.end(JSON.stringify({ token: `${text}.${signature}`, expires_in: 60 }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
