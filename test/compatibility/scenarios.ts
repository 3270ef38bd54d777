import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../support/saboteurs.js';

/** A test that microsandbox holds itself to, which we have under its own name. */
export interface Scenario {
  /** Its file and name there. */
  readonly file: string;
  readonly name: string;
  /** What ours asserts. */
  readonly asserts: string;
  /** Why there is none yet. */
  readonly lacking?: string;
}

const ofSdk = (file: string, name: string, asserts: string, lacking?: string): Scenario => ({
  file: `sdk/rust/tests/${file}.rs`,
  name,
  asserts,
  ...(lacking === undefined ? {} : { lacking }),
});
const ofCli = (file: string, name: string, asserts: string): Scenario => ({
  file: `crates/cli/tests/${file}.rs`,
  name,
  asserts,
});

export const scenarios: readonly Scenario[] = [
  ofSdk(
    'stop_flush',
    'graceful_stop_flushes_writes_to_rootfs',
    'What was written without sync is there after detach, stop and start; the stop was graceful, and the file system clean. Of machines that booted, cloned and forked; wrong stops beside it lose the write.',
  ),
  ofSdk('init_handoff', 'pid_1_is_handed_off_to_test_init', 'PID 1 is the init that was named.'),
  ofSdk(
    'init_handoff',
    'exec_session_parent_is_pid_1_post_handoff',
    'Commands are children of the agent, which is a child of PID 1.',
  ),
  ofSdk(
    'init_handoff',
    'shutdown_via_signal_path_terminates_guest',
    'A stop goes through the init and ends as stopped.',
  ),
  ofSdk(
    'child_reaping',
    'agentd_manages_concurrent_exits_and_adopted_descendants',
    'PID 1 adopts and reaps what a shell leaves; 3 × 24 commands at once, half of them at terminals, each get their own exit code; 256 KiB on both streams arrive whole before the exit; signals and failed starts are told, and by number and kind.',
  ),
  ofSdk(
    'replace',
    'replace_with_live_handle_does_not_hang',
    'A sandbox that is in use is replaced within 60 s; the old object harms the new one in no way.',
  ),
  ofSdk(
    'replace',
    'create_without_replace_returns_typed_already_exists',
    'SandboxAlreadyExistsError, also where the name is that of a stopped one, which stays as it was.',
  ),
  ofSdk(
    'replace',
    'replace_with_timeout_zero_succeeds',
    'The old machine is gone by the time the new one is there.',
  ),
  ofSdk(
    'parent_watchdog',
    'detach_disarms_parent_watchdog_for_attached_sandbox',
    'The owner is killed after detach(): the same VMM runs on, takes commands, and stops gracefully.',
  ),
  ofSdk(
    'parent_watchdog',
    'parent_exit_stops_but_preserves_named_sandbox',
    'The owner is killed: the sandbox is stopped, starts again, and has what was written.',
  ),
  ofSdk(
    'correlation_ids',
    'shutdown_control_id_zero_stops_sandbox',
    'core.shutdown with id 0 from any client stops the machine within 30 s, gracefully.',
  ),
  ofSdk(
    'create_from_spec',
    'from_spec_json_boots_and_applies_spec_fields',
    'A specification’s environment, host name, directory and user hold; none of it is on the kernel’s command line. The shape of the JSON is our configJson’s.',
  ),
  ofSdk(
    'create_from_spec',
    'from_spec_json_options_override_spec',
    'What the builder is told afterwards takes the place of what the specification says.',
  ),
  ofSdk(
    'long_sandbox_name',
    'sandbox_with_128_byte_name_spawns',
    'A name of 128 bytes boots, whatever its characters; host name and socket path stay within their bounds.',
  ),
  ofSdk(
    'security_profile',
    'default_profile_keeps_guest_privileges_restricted_profile_hardens',
    'By default root has all capabilities, mounts, and is made by setuid programs. Restricted, every process has NoNewPrivs 1 and a container’s capabilities at the most, mounts are denied, nosuid and nodev. Of machines that booted, cloned, forked, and came from the pool.',
  ),
  ofSdk(
    'stdin',
    'stdin_bytes_writes_payload_larger_than_pipe_capacity',
    '1 MiB arrives whole, by its sha256.',
  ),
  ofSdk(
    'stdin',
    'stdin_bytes_waits_for_slow_reader',
    'Nothing is lost where the reader begins late, or reads a little at a time.',
  ),
  ofSdk(
    'stdin',
    'stdin_pipe_streams_chunks_in_order',
    'Four writes of 256 KiB arrive in their order, then the end.',
  ),
  ofSdk(
    'stdin',
    'stdin_bytes_reports_broken_pipe_when_child_exits_early',
    'One stdinError with EPIPE, then exited with 0.',
  ),
  ofSdk(
    'log_stream_e2e',
    'logs_captures_exec_stdout_from_running_sandbox',
    'A command’s output is in logs().',
  ),
  ofSdk(
    'log_stream_e2e',
    'log_stream_follow_catches_live_writes',
    'A stream that follows sees what is written within 5 s.',
  ),
  ofSdk(
    'log_stream_e2e',
    'log_stream_resume_from_cursor_excludes_replayed_entries',
    'A stream goes on after a cursor.',
  ),
  ofCli(
    'exec_lifecycle',
    'invalid_options_do_not_start_stopped_sandbox',
    'No wrong option of msbtest exec has the sandbox started, not even for a moment.',
  ),
  ofCli(
    'exec_lifecycle',
    'exec_errors_restore_the_previous_lifecycle',
    'After msbtest exec, whether the command ran or not, the sandbox is as it was: running, or stopped with what was written.',
  ),
  ofCli(
    'exec_stream',
    'exec_stream_drives_guest_turn_by_turn',
    'With msbtest exec -i each line is answered before the next is sent.',
  ),
  ofCli(
    'exec_stream_scenarios',
    'exec_stream_timeout_kills_guest',
    'msbtest exec --timeout ends with 124 though its stdin stays open, and the command is gone from the guest.',
  ),
  ofCli(
    'exec_stream_scenarios',
    'exec_stream_broken_pipe_exits',
    'msbtest exec ends when nobody reads its output any more, and so does the command.',
  ),
];

/** The tests that have the name of a scenario, by name: their files below test/. */
export function findTests(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const directory = join(checkout, 'test');
  for (const name of readdirSync(directory)
    .filter((entry) => entry.endsWith('.test.ts'))
    .sort()) {
    const text = readFileSync(join(directory, name), 'utf8');
    for (const [, title = ''] of text.matchAll(/^\s*(?:it|test)\('([a-z0-9_]+)'/gm))
      found.set(title, [...(found.get(title) ?? []), name]);
  }
  return found;
}

/** Where the list and the tests contradict each other. */
export function scenarioProblems(
  tests: ReadonlyMap<string, readonly string[]>,
  list: readonly Scenario[] = scenarios,
): string[] {
  return list.flatMap(({ name, lacking }) => {
    const count = tests.get(name)?.length ?? 0;
    if (lacking !== undefined && count > 0)
      return [`${name}: there is a test of it, but it is said to be lacking.`];
    if (lacking === undefined && count === 0) return [`${name}: there is no test of that name.`];
    return count > 1 ? [`${name}: there are ${count} tests of that name.`] : [];
  });
}
