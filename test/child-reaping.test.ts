import type { ExecOptionsBuilder, Sandbox } from '@msbtest/core';
import { expect, it } from 'vitest';
import { ephemeral, eventually, usePrivateHome } from './support/vm.js';

usePrivateHome();

const descendants = 4;
const rounds = 3;
const atOnce = 24;

const script =
  (text: string, tty = false) =>
  (options: ExecOptionsBuilder) =>
    options.args(['-c', text]).tty(tty);

const codeOf = async (sandbox: Sandbox, text: string, tty: boolean) =>
  (await sandbox.execWith('sh', script(text, tty))).code;

it('agentd_manages_concurrent_exits_and_adopted_descendants', async () => {
  await using sandbox = await ephemeral('child-reaping');

  const left = await sandbox.shell(
    `for i in $(seq ${descendants}); do sleep 300 > /dev/null 2>&1 & printf '%s ' "$!"; done`,
  );
  const pids = left.stdout().trim().split(' ');
  expect(pids).toHaveLength(descendants);
  const parents = async () =>
    (await sandbox.shell(`for p in ${pids.join(' ')}; do awk '/^PPid:/{print $2}' /proc/$p/status; done`))
      .stdout()
      .trim()
      .split('\n');
  await eventually(
    async () => (await parents()).join() === Array(descendants).fill('1').join(),
    5_000,
    'PID 1 has adopted what a shell left',
  );

  expect([await codeOf(sandbox, 'exit 23', false), await codeOf(sandbox, 'exit 47', true)]).toEqual([23, 47]);
  for (let round = 0; round < rounds; round++) {
    const codes = Array.from({ length: atOnce }, (_, index) => 10 + index);
    const got = await Promise.all(codes.map((code) => codeOf(sandbox, `exit ${code}`, code % 2 === 1)));
    expect(got).toEqual(codes); // each its own
  }

  const much = await sandbox.shell(
    'i=0; while [ $i -lt 65536 ]; do printf abcd; printf wxyz >&2; i=$((i+1)); done; printf tail; printf err-tail >&2; exit 39',
  );
  expect(much.code).toBe(39);
  expect(much.stdout()).toBe(`${'abcd'.repeat(65_536)}tail`);
  expect(much.stderr()).toBe(`${'wxyz'.repeat(65_536)}err-tail`);

  for (const tty of [false, true]) {
    const signalled = await sandbox.execWith('sh', script('kill -TERM $$', tty));
    expect(signalled.status).toEqual({ code: -1, success: false, signal: 15 });
    await expect(sandbox.execWith('/definitely/not/a/real/binary', (o) => o.tty(tty))).rejects.toMatchObject({
      code: 'execFailed',
      kind: 'not_found',
      errnoName: 'ENOENT',
    });
    expect(await codeOf(sandbox, 'exit 61', tty)).toBe(61);
  }

  await sandbox.shell(`kill ${pids.join(' ')}`);
  const present = async () =>
    (await sandbox.shell(`for p in ${pids.join(' ')}; do [ -e /proc/$p ] && echo $p; done; true`)).stdout();
  await eventually(async () => (await present()) === '', 10_000, 'what was adopted has been reaped');
});
