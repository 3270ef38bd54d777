import { Image } from '../sandbox/image.js';
import { Sandbox } from '../sandbox/sandbox.js';
import type { SandboxHandle } from '../sandbox/sandbox-handle.js';
import type { BootRecord } from '../store/record.js';
import { type Command, printJson, UsageError } from './command.js';

const live = ['starting', 'running', 'draining'];

export const ps: Command = {
  summary: 'list sandboxes',
  help: `Usage: msbtest ps [options]

Lists the sandboxes that run. CAME says how a machine came to run, and how long that took: cold, its kernel booted; clone, it went on
from where a template of its kind was frozen, by a VMM of its own or by fork of one; pool, the same, before it was asked for. --json has the phases.

  -a, --all   those that do not run too
  --json      as JSON`,
  options: { all: { type: 'boolean', short: 'a' }, json: { type: 'boolean' } },

  async run(invocation) {
    const handles: SandboxHandle[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await Sandbox.listWith((list) =>
        (cursor === undefined ? list : list.cursor(cursor)).limit(100),
      );
      handles.push(...page.sandboxes.filter(({ status }) => invocation.flag('all') || live.includes(status)));
      cursor = page.nextCursor;
      if (cursor === undefined) break;
    }
    const rows = handles.map((handle) => ({
      name: handle.name,
      status: handle.status,
      image: handle.config().image,
      cpus: handle.config().cpus,
      memoryMib: handle.config().memoryMib,
      createdAt: handle.createdAt.toISOString(),
      id: handle.id,
      boot: handle.bootRecord,
    }));
    if (invocation.flag('json')) printJson(rows);
    else
      printTable(
        ['NAME', 'STATUS', 'IMAGE', 'CREATED', 'CAME'],
        rows.map((row) => [row.name, row.status, row.image, row.createdAt, came(row.boot)]),
      );
    return 0;
  },
};

function came(boot: BootRecord | null): string {
  return boot ? `${boot.origin}${boot.forked ? ' by fork' : ''}, ${Math.round(boot.totalMs)} ms` : '';
}

export const images: Command = {
  summary: 'list the images on this machine',
  help: `Usage: msbtest images [--json]

Lists the images in the local store. The base image, msb-base, comes into it when it is first used.

  --json   as JSON`,
  options: { json: { type: 'boolean' } },

  async run(invocation) {
    const rows = await Image.list();
    if (invocation.flag('json')) printJson(rows);
    else
      printTable(
        ['IMAGE', 'DIGEST'],
        rows.map((row) => [row.reference, row.manifestDigest]),
      );
    return 0;
  },
};

export const load: Command = {
  summary: 'take images from an archive or a directory',
  help: `Usage: msbtest load PATH [--tag REFERENCE]

Takes images into the local store. PATH is an OCI image layout (a directory or a tar archive), an archive of docker save, or a
directory or a tar archive that is a root file system itself. Archives may be compressed with gzip or zstd.

  --tag REFERENCE   take one image, and name it so, such as docker.io/library/app:1; the one that has this name there, else the first.
                    Without it all images come that have names, under those
  --json            print the images as JSON`,
  options: { tag: { type: 'string' }, json: { type: 'boolean' } },

  async run(invocation) {
    const [path, ...others] = invocation.positionals;
    const tag = invocation.text('tag');
    if (path === undefined || others.length > 0) throw new UsageError('It takes a PATH.');
    const loaded = await Image.load(path, tag === undefined ? {} : { tag });
    if (invocation.flag('json')) printJson(loaded);
    else
      for (const { reference, manifestDigest } of loaded)
        process.stdout.write(`${reference} ${manifestDigest}\n`);
    return 0;
  },
};

function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of [head, ...rows]) {
    process.stdout.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
  }
}
