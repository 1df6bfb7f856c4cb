import { describe, expect, test } from '@jest/globals';
import { makeTestRepository } from '../testing/repository.ts';
import { commitEpoch } from './epoch.ts';

describe('the time of a commit', () => {
  test('is that of the commit, in seconds, and of nothing else', async () => {
    const repository = makeTestRepository();
    try {
      const sha = repository.git('rev-parse', 'HEAD');
      const told = Number(repository.git('show', '-s', '--format=%ct', sha));
      expect(await commitEpoch(repository.dir, sha)).toBe(told);
      await expect(commitEpoch(repository.dir, 'f'.repeat(40))).rejects.toMatchObject({
        code: 'COMMIT_TIME_UNREADABLE',
        exitCode: 3,
      });
    } finally {
      repository.remove();
    }
  });
});
