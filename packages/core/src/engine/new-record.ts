import { randomUUID } from 'node:crypto';
import { ImageError } from '../errors.js';
import { wallMs } from '../host/clock.js';
import type { ImageConfig } from '../image/layout.js';
import { type PullRequest, pulled } from '../image/pull.js';
import type { SandboxConfig, SandboxRecord } from '../store/record.js';
import type { Environment } from './environment.js';
import { resolveInit } from './init.js';

/**
 * The record of a sandbox that is to be made: what it was asked to be, and what its image says where nothing was asked.
 *
 * @param pull default: an image that is not here is not pulled.
 * @throws ImageNotFoundError, ImageError, PatchFailedError; HttpError, IoError, TimeoutError of a pull.
 */
export async function newRecord(
  { images }: Environment,
  config: SandboxConfig,
  pull: PullRequest = { policy: 'never' },
): Promise<SandboxRecord> {
  const { patches } = config;
  const image = await pulled(images, config.image, { ...pull, derivation: patches && { patches } });
  return {
    version: 1,
    id: randomUUID(),
    createdAt: new Date(wallMs()).toISOString(),
    config: configOver(image.config, config),
    image: {
      reference: image.reference,
      digest: image.digest,
      rootfs: image.rootfs,
      ...(image.config.stopSignal === null ? {} : { stopSignal: image.config.stopSignal }),
    },
  };
}

/** What a guest takes: as many variables as its agent, as long ones as its kernel, and all of it in one frame. */
const limits = { env: 2_048, textBytes: 131_071, allBytes: 1024 * 1024 };

/** What was asked, and where nothing was, what the image says. @throws ImageError when no guest could be told what that is. */
export function configOver(image: ImageConfig, asked: SandboxConfig): SandboxConfig {
  checkImage(asked.image, image);
  const user = asked.user ?? image.user;
  const entrypoint = asked.entrypoint ?? image.entrypoint;
  // Arguments that were meant for the image's own program mean nothing to another.
  const cmd = asked.cmd ?? (asked.entrypoint ? null : image.cmd);
  const env = { ...environmentOf(image.env), ...asked.env };
  return {
    ...asked,
    workdir: asked.workdir ?? image.workingDir,
    env,
    ...(asked.init ? { init: resolveInit(asked.init, image, env) } : {}),
    ...(user === null ? {} : { user }),
    ...(entrypoint === null ? {} : { entrypoint }),
    ...(cmd === null ? {} : { cmd }),
  };
}

function environmentOf(entries: readonly string[]): Record<string, string> {
  const pairs = entries.map((entry) => {
    const equals = entry.indexOf('=');
    return equals < 0 ? ([entry, ''] as const) : ([entry.slice(0, equals), entry.slice(equals + 1)] as const);
  });
  return Object.fromEntries(pairs);
}

function checkImage(reference: string, { env, workingDir, user, entrypoint, cmd }: ImageConfig): void {
  const texts = [...env, workingDir ?? '', user ?? '', ...(entrypoint ?? []), ...(cmd ?? [])];
  const sizes = texts.map((text) => Buffer.byteLength(text));
  const wrong = (why: string) =>
    new ImageError(`The configuration of the image ${reference} is no good: ${why}.`);
  if (texts.some((text) => text.includes('\0'))) throw wrong('a text of it has a NUL');
  if (env.some((entry) => entry === '' || entry.startsWith('='))) throw wrong('a variable has no name');
  if (env.length > limits.env) throw wrong(`it has more than ${limits.env} variables`);
  if (sizes.some((size) => size > limits.textBytes))
    throw wrong(`a text of it is longer than ${limits.textBytes} bytes`);
  if (sizes.reduce((sum, size) => sum + size, 0) > limits.allBytes)
    throw wrong(`its texts have more than ${limits.allBytes} bytes together`);
}
