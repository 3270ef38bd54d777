/** Prints what the kit would do with a provider, or runs one scenario and prints its result, as one line of JSON. */
import '../index.js';
import type { Plan, ScenarioErrand } from './adapters.js';
import { chooseScenarios, Subject } from './run.js';

const errand = JSON.parse(process.argv[2] ?? '') as ScenarioErrand;
const printed = await printable(errand);
process.stdout.write(`${JSON.stringify(printed)}\n`, () => process.exit(0)); // whatever a provider still keeps

async function printable({ module, run, only, timeoutMs }: ScenarioErrand): Promise<unknown> {
  await using subject = await Subject.load(module);
  const [scenario] = run === undefined ? [] : chooseScenarios([run]);
  if (scenario) return subject.run(scenario, timeoutMs === undefined ? {} : { timeoutMs });
  const plan: Plan = {
    provider: subject.provider.name,
    scenarios: chooseScenarios(only).map((each) => ({
      id: each.id,
      title: each.title,
      lack: subject.lack(each),
    })),
  };
  return plan;
}
