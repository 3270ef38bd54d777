import { randomUUID } from 'node:crypto';
import { wallMs } from '../host/clock.js';
import type { ImageConfig } from '../image/layout.js';
import type { SandboxConfig, SandboxRecord } from '../store/record.js';
import type { Environment } from './environment.js';
import { resolveInit } from './init.js';

/** The record of a sandbox that is to be made: what it was asked to be, and what its image says where nothing was asked. @throws ImageNotFoundError, ImageError, PatchFailedError */
export async function newRecord({ images }: Environment, config: SandboxConfig): Promise<SandboxRecord> {
  const { patches } = config;
  const image = await images.prepare(config.image, patches && { patches });
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

/** What was asked, and where nothing was, what the image says. */
export function configOver(image: ImageConfig, asked: SandboxConfig): SandboxConfig {
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
