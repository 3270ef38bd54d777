/** A process that has two machines ready; it says so, and stays until it is killed. Run as: node pool-owner.js [return] */
import { Sandbox } from '@msbtest/core';
import { openPool } from './ways.js';

const config = await Sandbox.builder('waits')
  .image('docker.io/library/msb-base:latest')
  .cpus(1)
  .memory(256)
  .ephemeral(true)
  .build();
const pool = openPool();
pool.foresee([config, config]);
await pool.settled();
process.stdout.write('ready\n');
if (process.argv[2] !== 'return') setInterval(() => {}, 60_000);
