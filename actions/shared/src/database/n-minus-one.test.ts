import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { makeTestRepository, type TestRepository } from '../testing/repository.ts';
import { applicationsBefore, layOlderApplication, MIGRATIONS_FOLDER } from './n-minus-one.ts';

let repository: TestRepository;
let into: string;
beforeEach(() => {
  repository = makeTestRepository();
  into = mkdtempSync(join(tmpdir(), 'papergate-older-'));
});
afterEach(() => {
  repository.remove();
  rmSync(into, { recursive: true, force: true });
});
const migration = (name: string): void => repository.write(`${MIGRATIONS_FOLDER}/${name}.sql`, `SELECT '${name}'`);

test('the application before each migration is found by the history, and one that is not committed comes on top of it', async () => {
  const first = repository.git('rev-parse', 'HEAD');
  repository.write('README', 'second');
  const second = repository.commit();
  migration('0002_two');
  repository.commit();
  repository.write('README', 'third');
  const third = repository.commit();
  migration('0003_three');
  expect(await applicationsBefore(repository.dir)).toEqual([
    { migration: '0002_two', commit: second },
    { migration: '0003_three', commit: third },
  ]);
  expect(first).not.toBe(second);
});

test('it is laid out with the schema after it, and nothing later', async () => {
  const commit = repository.git('rev-parse', 'HEAD');
  migration('0002_two');
  repository.write('README', 'later');
  repository.commit();
  migration('0003_three');
  repository.commit();
  const dir = await layOlderApplication({
    repository: repository.dir,
    application: { migration: '0002_two', commit },
    into,
  });
  expect(readdirSync(join(dir, MIGRATIONS_FOLDER)).toSorted()).toEqual(['0001_first.sql', '0002_two.sql']);
  expect(readFileSync(join(dir, MIGRATIONS_FOLDER, '0002_two.sql'), 'utf8')).toBe("SELECT '0002_two'");
  expect(readdirSync(dir)).not.toContain('README');
});

test('a clone without the history says so, and how to get it', async () => {
  migration('0002_two');
  repository.commit();
  const shallow = join(into, 'shallow');
  repository.git('clone', '-q', '--depth', '1', `file://${repository.dir}`, shallow);
  await expect(applicationsBefore(shallow)).rejects.toMatchObject({
    code: 'HISTORY_MISSING',
    fix: expect.stringContaining('fetch-depth: 0'),
  });
});
