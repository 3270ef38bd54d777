import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { ExecRecord } from '../sandbox/exec-journal.js';
import type { TestMachine } from './test-machine.js';

/** Of each log, so much of its end: enough for a boot and a panic. */
const logLines = 2000;
const logBytes = 256 * 1024;

/** A file that says what happened in a machine. */
export interface EvidenceFile {
  /** Such as `console.log`. */
  readonly name: string;
  readonly path: string;
  /** The path as a person is told it: from where the process runs. */
  readonly shown: string;
  readonly contentType: 'text/plain' | 'application/json';
}

/**
 * Writes down what a machine has to say about a failure, into `directory`: the end of its console, its
 * agent's part of that, the VMM's own output, its last commands with their output and timing, its configuration and boot times.
 * Works on a machine that has died too. What would be empty is left out.
 */
export async function writeEvidence(machine: TestMachine, directory: string): Promise<EvidenceFile[]> {
  mkdirSync(directory, { recursive: true });
  const { running } = machine;
  const { console, vmm } = machine.logs(logLines, logBytes);
  const agent = console.split('\n').filter((line) => line.startsWith('agentd:'));
  const execs = running?.recentExecs() ?? [];
  const texts: Readonly<Record<string, string>> = {
    'console.log': console,
    'agent.log': agent.join('\n'),
    'vmm.log': vmm,
    'commands.txt': execs.map(describeExec).join('\n'),
  };
  const files: EvidenceFile[] = [];
  for (const [name, text] of Object.entries(texts)) {
    if (text === '') continue;
    const path = join(directory, name);
    writeFileSync(path, `${text}\n`);
    files.push({ name, path, shown: relative(process.cwd(), path), contentType: 'text/plain' });
  }
  const path = join(directory, 'machine.json');
  const account = {
    name: machine.name,
    options: machine.options,
    accelerator: running?.accelerator ?? null,
    config: (await running?.config()) ?? null,
    waitedMs: Math.round(machine.waitedMs),
    bootTimes: running?.bootTimes ?? null,
  };
  writeFileSync(
    path,
    `${JSON.stringify(account, (_, value) => (typeof value === 'bigint' ? Number(value) : value), 2)}\n`,
  );
  const shown = relative(process.cwd(), path);
  return [...files, { name: 'machine.json', path, shown, contentType: 'application/json' }];
}

function describeExec({ command, args, startedAt, durationMs, status, stdout, stderr }: ExecRecord): string {
  const line = [command, ...args].map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word),
  );
  const end =
    status === null
      ? 'was still running'
      : status.kind === 'failed'
        ? `failed: ${status.message}`
        : status.signal === null
          ? `exit code ${status.code}`
          : `ended by signal ${status.signal}`;
  const took = durationMs === null ? '' : `, ${Math.round(durationMs)} ms`;
  return [
    `$ ${line.join(' ')}`,
    `  ${startedAt.toISOString()}${took}, ${end}`,
    ...output('stdout', stdout),
    ...output('stderr', stderr),
    '',
  ].join('\n');
}

function output(stream: string, text: string): string[] {
  return text === '' ? [] : [text.trimEnd().replace(/^/gm, `  ${stream} | `)];
}
