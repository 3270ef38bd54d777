// @ts-check
import { spawnSync } from 'node:child_process';
import { SetupError } from './errors.mjs';
import { which } from './exec.mjs';

/** The least that a fuzz target is. */
const PROBE = 'int LLVMFuzzerTestOneInput(const char *data, unsigned long size) { return !data && size; }';
const PROBE_MS = 30_000;

/** What fuzzing needs and is not on this machine. Compiles a probe: a clang is often there without its libraries. */
export function lackingForFuzzing() {
  const commands = ['clang', 'clang++'].filter((command) => which(command) === undefined);
  if (commands.length > 0) return commands;
  const args = ['-x', 'c', '-fsanitize=fuzzer,address,undefined', '-o', '/dev/null', '-'];
  const { status } = spawnSync('clang', args, {
    input: PROBE,
    timeout: PROBE_MS,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  return status === 0 ? [] : ["libFuzzer and the sanitizers' libraries for clang"];
}

/** Why there can be no fuzzing here, or undefined. */
export function clangTrouble() {
  const lacking = lackingForFuzzing();
  if (lacking.length === 0) return undefined;
  return new SetupError(`fuzzing needs clang with libFuzzer; not on this machine: ${lacking.join(', ')}`, {
    remedy:
      'as root, on Debian 12: apt-get install clang libclang-rt-14-dev (later: libclang-rt-dev); npm test does it by itself',
  });
}
