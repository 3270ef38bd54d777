import { printable } from '../host/console-tail.js';
import { errnoOf } from '../host/native.js';
import type { LogEntry, LogReadOptions, LogReadSource } from '../sandbox/log-entry.js';
import { Sandbox } from '../sandbox/sandbox.js';
import type { SandboxHandle } from '../sandbox/sandbox-handle.js';
import { type Command, type Invocation, onlyName, UsageError } from './command.js';

export const logs: Command = {
  summary: "print what a sandbox's commands wrote, or what its console said",
  help: `Usage: msbtest logs [options] NAME

Prints what commands wrote in the sandbox NAME, whoever ran them, also of earlier runs and when it is stopped; the last 16 MiB or so
are kept. stderr goes to stderr. At a terminal, what could steer it is taken out.

  -f, --follow       go on with what is written from now on, until the machine has ended
  -n, --tail N       only the last N entries; an entry is what was written at once
  --since WHEN       entries of then or later: a time such as 2026-05-20T12:00:00Z, or how long ago: 90s, 10m, 2h, 1d
  --until WHEN       entries from before then
  --source SOURCE    stdout, stderr, output (of commands at a terminal), system (the guest's console, the VMM, starts and
                     stops), or all; may be repeated. Default: all but system
  -t, --timestamps   begin each line with the time
  --json             one JSON object a line: timestamp, source, sessionId (which command), text, cursor

Examples: msbtest logs --source system --tail 40 web    # why did it not come up?
          msbtest logs -f --since 5m web
          msbtest logs --json web | jq -r 'select(.sessionId == 3).text'`,
  options: {
    follow: { type: 'boolean', short: 'f' },
    tail: { type: 'string', short: 'n' },
    since: { type: 'string' },
    until: { type: 'string' },
    source: { type: 'string', multiple: true },
    timestamps: { type: 'boolean', short: 't' },
    json: { type: 'boolean' },
  },

  async run(invocation) {
    const print = printer(invocation);
    const selection = selectionOf(invocation);
    const tail = invocation.number('tail');
    const handle = await Sandbox.get(onlyName(invocation));
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {}); // told by the write itself
    try {
      const entries = entriesOf(handle, selection, tail, invocation.flag('follow'));
      for await (const entry of entries) await print(entry);
    } catch (error) {
      if (errnoOf(error) !== 'EPIPE') throw error; // who read us has seen enough
    }
    return 0;
  },
};

type Selection = Pick<LogReadOptions, 'since' | 'until' | 'sources'>;

function selectionOf(invocation: Invocation): Selection {
  const [since, until] = [timeOf(invocation, 'since'), timeOf(invocation, 'until')];
  const sources = invocation.texts('source').map(sourceOf);
  return {
    ...(since ? { since } : {}),
    ...(until ? { until } : {}),
    ...(sources.length > 0 ? { sources } : {}),
  };
}

async function* entriesOf(
  handle: SandboxHandle,
  selection: Selection,
  tail: number | undefined,
  follow: boolean,
): AsyncGenerator<LogEntry> {
  if (tail === undefined) return yield* await handle.logStream({ ...selection, follow });
  const last = await handle.logs({ ...selection, tail: Math.max(tail, 1) });
  if (tail > 0) yield* last;
  if (!follow) return;
  const { since, ...rest } = selection;
  const fromCursor = last.at(-1)?.cursor;
  // Where nothing is selected so far, whatever is selected comes from now on.
  const start = fromCursor !== undefined ? { fromCursor } : since ? { since } : {};
  yield* await handle.logStream({ ...rest, ...start, follow });
}

function printer(invocation: Invocation): (entry: LogEntry) => Promise<void> {
  const [json, timestamps] = [invocation.flag('json'), invocation.flag('timestamps')];
  return (entry) => {
    if (json) return write(process.stdout, `${JSON.stringify(asJson(entry))}\n`);
    const stream = entry.source === 'stderr' ? process.stderr : process.stdout;
    if (!timestamps) return write(stream, stream.isTTY ? printable(entry.text()) : entry.data);
    const text = stream.isTTY ? printable(entry.text()) : entry.text();
    const lines = text.replace(/\n$/, '').split('\n');
    const time = entry.timestamp.toISOString();
    return write(stream, `${lines.map((line) => `${time} ${line}`).join('\n')}\n`);
  };
}

function asJson(entry: LogEntry): Record<string, unknown> {
  const { timestamp, source, sessionId, cursor } = entry;
  return { timestamp, source, sessionId, text: entry.text(), cursor };
}

const sources: readonly string[] = ['stdout', 'stderr', 'output', 'system', 'all'];

function sourceOf(text: string): LogReadSource {
  if (sources.includes(text)) return text as LogReadSource;
  throw new UsageError(`--source takes one of ${sources.join(', ')}, not "${text}".`);
}

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function timeOf(invocation: Invocation, option: string): Date | undefined {
  const text = invocation.text(option);
  if (text === undefined) return undefined;
  const [, ago, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const time =
    ago === undefined
      ? new Date(/^\d{4}-\d\d-\d\d/.test(text) ? text : Number.NaN)
      : new Date(Date.now() - Number(ago) * (secondsOf[unit ?? 's'] ?? 1) * 1000);
  if (!Number.isNaN(time.getTime())) return time;
  throw new UsageError(
    `--${option} takes a time such as 2026-05-20T12:00:00Z, or 90s, 10m, 2h, 1d ago, not "${text}".`,
  );
}

function write(stream: NodeJS.WriteStream, data: Uint8Array | string): Promise<void> {
  return new Promise((resolve, reject) => stream.write(data, (error) => (error ? reject(error) : resolve())));
}
