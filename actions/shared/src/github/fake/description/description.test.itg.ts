import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { download, EXTRACT, madeOf } from './update.ts';

// It needs the package registry, as the setup of the repository does.
test('the description that the fake is held to is GitHub’s own, cut down and nothing else', async () => {
  const made = madeOf(await download());
  expect(JSON.parse(await readFile(EXTRACT, 'utf8'))).toEqual(made);
});
