import { mkdirSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fakeK6, passingSummary, PLAN } from '../../load/testing.ts';
import { REQUIRED_SMOKE_CHECKS } from '../../smoke/required.ts';
import { makeTestRepository, type TestRepository } from '../../testing/repository.ts';

/** A bundle of a few lines in a checkout of its own, with a smoke test and a load plan that take no time. */
export function makeTestBundle(): TestRepository {
  const repository = makeTestRepository();
  repository.write('smoke/src/main.ts', smokeTest());
  repository.write('loadtests/plan.json', JSON.stringify(PLAN));
  repository.commit('smoke test and load plan');
  repository.git('branch', '-M', 'main');
  return repository;
}

/** One that finds all in order, or that one check fails. */
export const smokeTest = (failed = ''): string => `
  for (const name of ${JSON.stringify(REQUIRED_SMOKE_CHECKS)}) {
    const status = name === ${JSON.stringify(failed)} ? 'failed' : 'passed';
    console.log(JSON.stringify({ type: 'check', name, status, duration_ms: 1, expected: 'as it is', found: 'as it is' }));
  }
  console.log(JSON.stringify({ type: 'summary', reached: true }));
  process.exitCode = ${failed === '' ? 0 : 1};
`;

/** A search path on which k6 comes first that measures nothing and says that all is well, or what `change` makes of it. */
export function pathWithK6(dir: string, path: string | undefined, change = ''): string {
  const folder = join(dir, 'bin');
  mkdirSync(folder, { recursive: true });
  const k6 = fakeK6(
    folder,
    `if (process.argv[2] === 'version') { console.log('k6 v2.2.0 (a stand-in)'); return 0; }
     const result = ${JSON.stringify(passingSummary())};
     ${change}
     fs.writeFileSync(summary, JSON.stringify(result));`,
  );
  symlinkSync(k6.path, join(folder, 'k6'));
  return `${folder}${delimiter}${path ?? ''}`;
}
