import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { makeAccessToken } from '@papergate/config';
import { expectRuns } from './testing/expectations.ts';
import { makeLeanKit, type LeanKit } from './testing/lean.ts';
import { mustEnd } from './testing/papergate.ts';
import { ArgumentsWatch, leaks, sentinel } from './testing/sentinels.ts';

jest.setTimeout(600_000);

const TOKEN = sentinel('token');

let kit: LeanKit;
beforeAll(async () => {
  const list = JSON.stringify([makeAccessToken({ name: 'somebody-else', role: 'viewer' }).entry]);
  kit = await makeLeanKit('secrets', { API_TOKEN: TOKEN, ACCESS_TOKENS: list });
});
afterAll(async () => {
  await kit?.remove();
});

test('what a service writes of its secrets into its log comes into no message, report or record', async () => {
  const good = await kit.lean();
  await mustEnd(kit.papergate('deploy', ...kit.flags, '--manifest', kit.file(good)));
  const folder = join(kit.place, 'secrets');
  const secrets = Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8').trim()]),
  );
  // The token that the caller gave, and those that were made for the place.
  expect(Object.values(secrets)).toContain(TOKEN);
  expect(Object.keys(secrets)).toEqual(
    expect.arrayContaining(['DATABASE_URL', 'POSTGRES_PASSWORD', 'ALPACA_SECRET_KEY']),
  );
  const watch = new ArgumentsWatch(secrets);
  try {
    const telling = await kit.lean({ fault: 'tells-secrets', service: 'execution-engine' });
    const human = await kit.papergate('deploy', ...kit.flags, '--manifest', kit.file(telling)).ended;
    const machine = await kit.papergate('deploy', ...kit.flags, '--manifest', kit.file(telling), '--json').ended;
    expect([human.code, machine.code]).toEqual([1, 1]);
    for (const { stdout, stderr } of [human, machine]) {
      const said = `${stdout}${stderr}`;
      // It is this log that is told, without what may not be in it.
      expect(said).toContain('secret API_TOKEN: ');
      expect(Object.keys(secrets).filter((name) => said.includes(secrets[name] ?? ''))).toEqual([]);
    }
    const mayHold = (path: string): boolean => path.startsWith(folder);
    expect(leaks(kit.home, secrets, mayHold)).toEqual([]);
    expectRuns(kit, good);
  } finally {
    watch.stop();
  }
  expect(watch.looks).toBeGreaterThan(20);
  expect([...watch.found]).toEqual([]);
});
