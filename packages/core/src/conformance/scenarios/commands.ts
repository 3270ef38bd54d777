import { createHash } from 'node:crypto';
import { constants } from 'node:os';
import type { ExecResult, ProvidedSandbox, Provider } from '../provider.js';
import { exchange, withCommands, withResults, withSandboxes } from '../sabotage.js';
import { expect, Finding, type Scenario } from '../scenario.js';
import { attempt, how, sh, text } from '../shell.js';

const mebibyte = 1024 * 1024;

/** Bytes in which a part that is lost, doubled or out of place shows. */
const payload = Uint8Array.from({ length: mebibyte }, (_, at) => (at * 7919 + (at >> 8)) & 255);
const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const everyByte = Uint8Array.from({ length: 256 }, (_, at) => at);

const strangeArguments = ['', ' ', 'two words', 'a\nb', '"double"', "it's", '$HOME', '*', '\\', '-n', 'ü€😀'];
const strangeValue = 'spaces, "quotes", $dollars\nand = signs';

const atOnce = 24;

export const commands: readonly Scenario[] = [
  {
    id: 'exec-exit-codes',
    title: 'a command’s exit code comes as it is',
    needs: [],
    run: async (context) => {
      const sandbox = await context.create();
      for (const code of [0, 1, 23, 127, 255]) {
        const result = await attempt(sandbox, `exit ${code}`);
        const right = result.code === code && result.signal === null;
        expect(right, () => `A command that exits with ${code} ${how(result)}.`);
      }
    },
    saboteur: {
      breaks: 'an exec() that knows success and failure only',
      symptom: /that exits with 23 exited with 1/,
      wrap: (provider) => withResults(provider, (result) => ({ ...result, code: result.code === 0 ? 0 : 1 })),
    },
  },
  {
    id: 'exec-signals',
    title: 'a signal that ended a command is never taken for an exit code',
    needs: ['exit-signals'],
    run: async (context) => {
      const sandbox = await context.create();
      for (const signal of [constants.signals.SIGKILL, constants.signals.SIGTERM]) {
        const result = await attempt(sandbox, `kill -${signal} $$`);
        expect(result.signal === signal, () => `A command that dies of signal ${signal} ${how(result)}.`);
      }
      const result = await attempt(sandbox, 'exit 137');
      expect(result.signal === null, () => `A command that exits with 137 ${how(result)}.`);
    },
    saboteur: {
      breaks: 'an exec() that says what a shell would',
      symptom: /dies of signal 9 exited with 137/,
      wrap: (provider) =>
        withResults(provider, (result) =>
          result.signal === null ? result : { ...result, code: 128 + result.signal, signal: null },
        ),
    },
  },
  {
    id: 'exec-output',
    title: 'stdout and stderr come apart, byte for byte, to the last',
    needs: [],
    run: async (context) => {
      const sandbox = await context.create();
      const octal = [...everyByte].map((byte) => `\\0${byte.toString(8).padStart(3, '0')}`).join('');
      const few = await attempt(sandbox, `printf '%b' '${octal}'; printf err >&2`);
      expect(
        digestOf(few.stdout) === digestOf(everyByte),
        () => `256 bytes came as ${few.stdout.length} others.`,
      );
      expect(
        text(few.stderr) === 'err',
        () => `stderr was "err" and came as ${JSON.stringify(text(few.stderr))}.`,
      );
      const script =
        'head -c 1048576 /dev/zero | tr "\\000" o; head -c 262144 /dev/zero | tr "\\000" e >&2; printf "end"';
      const much = await attempt(sandbox, script);
      const stdout = `${'o'.repeat(mebibyte)}end`;
      expect(
        text(much.stdout) === stdout,
        () => `Of ${stdout.length} bytes of stdout ${much.stdout.length} came right.`,
      );
      expect(
        text(much.stderr) === 'e'.repeat(mebibyte / 4),
        () => `Of ${mebibyte / 4} bytes of stderr ${much.stderr.length} came right.`,
      );
    },
    saboteur: {
      breaks: 'an exec() that loses the last byte of a long output',
      symptom: /bytes of stdout \d+ came right/,
      wrap: (provider) =>
        withResults(provider, (result) => ({
          ...result,
          stdout: result.stdout.length > mebibyte ? result.stdout.subarray(0, -1) : result.stdout,
        })),
    },
  },
  {
    id: 'exec-arguments',
    title: 'arguments and environment reach a command as they are',
    needs: [],
    run: async (context) => {
      const sandbox = await context.create({ env: { KIT_OWN: strangeValue } });
      const script = 'printf "%s\\0" "$@" "$KIT_OWN" "$KIT_CALL"';
      const options = { env: { KIT_CALL: `${strangeValue}!` } };
      const result = await sandbox.exec(['sh', '-c', script, 'sh', ...strangeArguments], options);
      const wanted = [...strangeArguments, strangeValue, `${strangeValue}!`];
      const came = text(result.stdout).split('\0').slice(0, -1);
      expect(
        JSON.stringify(came) === JSON.stringify(wanted),
        () => `${JSON.stringify(wanted)} came as ${JSON.stringify(came)}.`,
      );
    },
    saboteur: {
      breaks: 'an exec() that joins arguments and has a shell take them apart',
      symptom: /came as /,
      wrap: (provider) =>
        withCommands(provider, (command, options) => {
          const [, , , , ...args] = command;
          return [[...command.slice(0, 4), ...args.join(' ').split(' ')], options];
        }),
    },
  },
  {
    id: 'exec-correlation',
    title: `of ${atOnce} commands at once each is answered with its own output and exit code`,
    needs: [],
    run: async (context) => {
      const sandbox = await context.create();
      const run = async (number: number) => {
        const result = await attempt(sandbox, 'echo "$1"; exit "$1"', `${number}`);
        const right = result.code === number && text(result.stdout) === `${number}\n`;
        return right
          ? null
          : `${number} was answered with "${text(result.stdout).trim()}", and ${how(result)}`;
      };
      const wrong = (await Promise.all(Array.from({ length: atOnce }, (_, index) => run(10 + index)))).filter(
        Boolean,
      );
      expect(wrong.length === 0, () => wrong.join('; '));
    },
    saboteur: {
      breaks: 'answers that go to whoever asks beside',
      symptom: /was answered with/,
      wrap: crosswise,
    },
  },
  {
    id: 'stdin-whole',
    title: 'a command reads all of its stdin, and its end; one that does not care for it has not failed',
    needs: [],
    run: async (context) => {
      const sandbox = await context.create();
      const script = ['sh', '-c', 'sleep 1; cat'];
      const slow = await sandbox.exec(script, { stdin: payload }); // the pipe is full long before anybody reads
      expect(
        slow.code === 0 && digestOf(slow.stdout) === digestOf(payload),
        () =>
          `Of ${payload.length} bytes of stdin ${slow.stdout.length} came back, and the command ${how(slow)}.`,
      );
      const careless = await sandbox.exec(['true'], { stdin: payload });
      expect(careless.code === 0, () => `A command that does not read its stdin ${how(careless)}.`);
      const none = await sandbox.exec(['cat']);
      expect(none.stdout.length === 0, () => 'A command that was given no stdin read something.');
    },
    saboteur: {
      breaks: 'an exec() that passes on what fits into a pipe',
      symptom: /bytes of stdin \d+ came back/,
      wrap: (provider) =>
        withCommands(provider, (command, { stdin, ...options }) => [
          command,
          { ...options, ...(stdin && { stdin: stdin.subarray(0, 65_536) }) },
        ]),
    },
  },
  {
    id: 'stdin-streams',
    title: 'what is written to a running command comes in order',
    needs: ['streams'],
    run: async (context) => {
      const sandbox = await context.create();
      const running = await start(sandbox, ['cat']);
      const chunks = ['a', 'b', 'c', 'd'].map((letter) => Buffer.alloc(mebibyte / 4, letter));
      for (const chunk of chunks) await running.write(chunk);
      await running.end();
      const { stdout } = await running.ended;
      const came = text(stdout).replaceAll(/(.)\1*/g, '$1');
      expect(
        came === 'abcd' && stdout.length === mebibyte,
        () => `a, b, c, d came as ${came}, ${stdout.length} bytes.`,
      );
    },
    saboteur: {
      breaks: 'a stdin that overtakes itself',
      symptom: /came as [^a]/,
      wrap: (provider) =>
        withSandboxes(provider, (sandbox) => ({
          start: async (command) => {
            const running = await start(sandbox, command);
            let held: Uint8Array | null = null;
            return exchange(running, {
              write: async (data) => {
                if (held === null) {
                  held = data;
                  return;
                }
                await running.write(data);
                await running.write(held);
                held = null;
              },
            });
          },
        })),
    },
  },
  {
    id: 'signals',
    title: 'a signal reaches a running command, and is the one that was sent',
    needs: ['streams'],
    run: async (context) => {
      const sandbox = await context.create();
      const script = `trap 'echo usr1; exit 7' USR1; echo > up; while :; do sleep 0.1; done`;
      const running = await start(sandbox, ['sh', '-c', `cd "$0"; ${script}`, sandbox.directory]);
      await sh(sandbox, 'until [ -e up ]; do sleep 0.1; done');
      await running.signal(constants.signals.SIGUSR1);
      const result = await running.ended;
      expect(
        result.code === 7 && result.signal === null && text(result.stdout) === 'usr1\n',
        () => `A command that exits with 7 at SIGUSR1 ${how(result)}.`,
      );
    },
    saboteur: {
      breaks: 'a signal() that always kills',
      symptom: /at SIGUSR1 (was ended by signal 9|exited with 137)/,
      wrap: (provider) =>
        withSandboxes(provider, (sandbox) => ({
          start: async (command) => {
            const running = await start(sandbox, command);
            return exchange(running, { signal: () => running.signal(constants.signals.SIGKILL) });
          },
        })),
    },
  },
];

export function start(sandbox: ProvidedSandbox, command: readonly string[]) {
  if (!sandbox.start) throw new Finding('It has "streams", and no start().');
  return sandbox.start(command);
}

/** Of two commands that run at once, each gets the other's answer. */
function crosswise(provider: Provider): Provider {
  return withSandboxes(provider, (sandbox) => {
    let running = 0;
    let held: { result: ExecResult; answer: (result: ExecResult) => void } | null = null;
    return {
      exec: async (command, options) => {
        running++;
        const result = await sandbox.exec(command, options);
        running--;
        if (held) {
          const other = held;
          held = null;
          other.answer(result);
          return other.result;
        }
        if (running === 0) return result;
        return new Promise((answer) => {
          held = { result, answer };
        });
      },
    };
  });
}
