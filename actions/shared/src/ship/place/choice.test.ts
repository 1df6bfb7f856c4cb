import { describe, expect, test } from '@jest/globals';
import { addressOf } from '../placed/bundle.ts';
import { checkChoice, projectOf } from './choice.ts';

describe('which place is meant', () => {
  test('a process staging has one place, a Docker Engine one a project', () => {
    expect(projectOf({ kind: 'process' })).toBe('process');
    expect(projectOf({ kind: 'compose' })).toBe('papergate-development');
    expect(projectOf({ kind: 'compose', environment: 'staging' })).toBe('papergate-staging');
    expect(projectOf({ kind: 'compose', environment: 'staging', project: 'mine' })).toBe('mine');
  });

  test.each([
    [{ kind: 'compose', project: 'a'.repeat(49) }, 'PROJECT_INVALID'],
    [{ kind: 'compose', project: '-a' }, 'PROJECT_INVALID'],
    [{ kind: 'compose', project: '../x' }, 'PROJECT_INVALID'],
    [{ kind: 'compose', project: 'process' }, 'PROJECT_INVALID'],
    [{ kind: 'compose', host: 'example.org' }, 'HOST_ADDRESS_INVALID'],
    [{ kind: 'compose', knownHosts: 'file' }, 'FLAG_WITHOUT_HOST'],
    [{ kind: 'process', host: 'ssh://a@b' }, 'FLAG_NOT_FOR_TARGET'],
  ] as const)('%j is refused: %s', (choice, code) => {
    expect(() => checkChoice(choice)).toThrow(expect.objectContaining({ code, exitCode: 2 }));
  });

  test('what is right is taken as it is', () => {
    const choice = { kind: 'compose', project: 'p-1_x', host: 'ssh://a@b:2222', identity: 'key' } as const;
    expect(checkChoice(choice)).toEqual(choice);
  });
});

describe('where the source lies, for labels and provenance', () => {
  test.each([
    ['git@github.com:owner/name.git', 'https://github.com/owner/name'],
    ['https://github.com/owner/name', 'https://github.com/owner/name'],
    ['https://user:secret@github.com/owner/name.git', 'https://github.com/owner/name'],
    ['ssh://git@github.com:22/owner/name.git', 'https://github.com/owner/name'],
    ['/srv/git/name.git', ''],
    ['../name', ''],
    ['', ''],
  ])('%s → %s', (remote, address) => {
    expect(addressOf(remote)).toBe(address);
  });
});
