/**
 * A process that makes one sandbox for each name, all at once, tells how each came, and lets go of them when its stdin ends.
 * Run as: node creator.js NAME...
 */
import { once } from 'node:events';
import { Sandbox } from '@msbtest/core';

const sandboxes = await Promise.all(
  process.argv.slice(2).map((name) =>
    Sandbox.builder(name)
      .image('docker.io/library/msb-base:latest')
      .cpus(1)
      .memory(256)
      .env('SECRET', process.env.CREATOR_SECRET ?? '')
      .ephemeral(true)
      .create(),
  ),
);
process.stdout.write(`${JSON.stringify(sandboxes.map(({ bootTimes }) => bootTimes?.origin))}\n`);
await once(process.stdin.resume(), 'end');
await Promise.all(sandboxes.map((sandbox) => sandbox[Symbol.asyncDispose]()));
