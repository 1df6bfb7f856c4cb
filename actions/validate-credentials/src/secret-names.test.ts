import { describe, expect, test } from '@jest/globals';
import { ExternalError, UserError } from '@papergate/config';
import { judgeSecretNames, type NamesQuestion } from './secret-names.ts';

const FORBIDDEN = new UserError({ code: 'GITHUB_FORBIDDEN', message: 'the token may not' });
const QUESTION: NamesQuestion = { environment: 'staging', gitHubEnvironment: 'stage', wanted: [], required: false };

/** A GitHub that knows names of secrets by environment; `''` is the repository. An error is thrown. */
const knows = (names: Record<string, string[] | Error>) => ({
  secretNames: async (environment = ''): Promise<string[]> => {
    const found = names[environment] ?? [];
    if (found instanceof Error) throw found;
    return found;
  },
});
const rulesOf = async (github: Parameters<typeof judgeSecretNames>[0], over: Partial<NamesQuestion> = {}) => {
  const { objections, notes, checked } = await judgeSecretNames(github, { ...QUESTION, ...over });
  return { rules: objections.map(({ rule, where }) => `${rule} ${where}`), notes, checked };
};

describe('the names of secrets on GitHub', () => {
  test('pass where all that are wanted exist, in the environment or the repository, whatever their case', async () => {
    const github = knows({ stage: ['ALPACA_PAPER_API_KEY'], '': ['GRAFANA_PASSWORD'] });
    expect(await rulesOf(github, { wanted: ['alpaca_paper_api_key', 'GRAFANA_PASSWORD'] })).toEqual({
      rules: [],
      notes: [],
      checked: ['foreign-secret', 'secret-name-missing'],
    });
  });

  test('block where one that is wanted is nowhere', async () => {
    const { rules } = await rulesOf(knows({ stage: ['A'] }), { wanted: ['A', 'B'] });
    expect(rules).toEqual(['secret-name-missing B']);
  });

  test.each(['stage', ''])('block where a live key has a name in %j', async (place) => {
    const { rules } = await rulesOf(knows({ [place]: ['ALPACA_LIVE_API_KEY', 'OTHER'] }));
    expect(rules).toEqual(['foreign-secret ALPACA_LIVE_API_KEY']);
  });

  test('are judged the other way round in production', async () => {
    const names = knows({ stage: ['ALPACA_LIVE_API_KEY', 'ALPACA_PAPER_API_KEY'] });
    expect((await rulesOf(names, { environment: 'production' })).rules).toEqual([
      'foreign-secret ALPACA_PAPER_API_KEY',
    ]);
  });

  test('are said not to be looked at where the token may not, and nothing is missed on a guess', async () => {
    const github = knows({ stage: ['A'], '': FORBIDDEN });
    const { rules, notes } = await rulesOf(github, { wanted: ['A', 'B'] });
    expect(rules).toEqual([]);
    expect(notes).toEqual([
      'the names of the secrets of the repository were not looked at: GITHUB_FORBIDDEN: the token may not',
      'whether B exist cannot be told',
    ]);
  });

  test('block where they are required and cannot be read, or there is no token', async () => {
    const github = knows({ stage: FORBIDDEN, '': new ExternalError({ code: 'GITHUB_UNAVAILABLE', message: '503' }) });
    const both = ['secret-names-unreadable the environment stage', 'secret-names-unreadable the repository'];
    expect((await rulesOf(github, { required: true })).rules).toEqual(both);
    expect((await rulesOf(undefined, { required: true })).rules).toEqual(both);
    expect((await rulesOf(undefined)).notes.join()).toContain('there is no github-token');
  });

  test('still block by what was seen where the rest was not shown', async () => {
    const github = knows({ stage: FORBIDDEN, '': ['ALPACA_LIVE_API_SECRET'] });
    expect((await rulesOf(github)).rules).toEqual(['foreign-secret ALPACA_LIVE_API_SECRET']);
  });

  test('do not hide a defect behind a note', async () => {
    await expect(rulesOf(knows({ stage: new TypeError('a defect') }))).rejects.toThrow('a defect');
  });
});
