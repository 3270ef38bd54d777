import { PrivateHome } from '@msbtest/fixtures/private-home';
import { type BenchReport, printBench } from '../support/report.js';
import { boot } from './boot.js';
import { exec } from './exec.js';
import { fresh } from './fresh.js';
import { growth } from './growth.js';
import { pull } from './pull.js';
import { stream } from './stream.js';
import { suite } from './suite.js';

const benchmarks: Readonly<Record<string, () => Promise<BenchReport>>> = {
  boot,
  fresh,
  growth,
  suite,
  exec,
  stream,
  pull,
};

const json = process.argv.includes('--json');
const [name = ''] = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const benchmark = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
if (!benchmark) {
  process.stderr.write(
    `Usage: npm run bench -- NAME [--json], NAME one of: ${Object.keys(benchmarks).join(', ')}\n`,
  );
  process.exitCode = 2;
} else {
  using home = new PrivateHome();
  printBench(await benchmark(), json);
  const leaks = await home.leaks();
  if (leaks.length > 0) throw new Error(`The benchmark left behind: ${leaks.join(', ')}`);
}
