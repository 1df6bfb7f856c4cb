import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Masks, maskSecrets } from './masks.ts';
import { secretParts } from './parts.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('the parts of a secret', () => {
  test.each<[string, string, string[]]>([
    ['itself', 'correct horse', ['correct horse']],
    ['it without the line break behind it', 'correct horse\n', ['correct horse']],
    ['each of its lines', 'first line\n  second line\r\nlast', ['first line', 'second line', 'last']],
    ['texts inside JSON, however deep', '{"a":{"b":["deep one"]},"n":12345678}', ['deep one', '12345678']],
    ['JSON inside JSON', JSON.stringify({ a: JSON.stringify({ b: 'inner one' }) }), ['inner one']],
    ['what it says in base64', base64('hidden words'), ['hidden words']],
    ['what it says in base64 without padding', base64('hidden words!').replaceAll('=', ''), ['hidden words!']],
    ['what it says in base64 twice', base64(base64('hidden words')), ['hidden words', base64('hidden words')]],
    ['JSON in base64', base64('{"password":"hidden words"}'), ['hidden words']],
    ['user and password of an address', 'postgres://dealer:s3cr%40t@db/x', ['dealer', 's3cr%40t', 's3cr@t']],
    ['the user of an address alone', 'https://abcd1234@host/', ['abcd1234']],
    ['values of a file of variables', 'A_TOKEN=one two\nexport=x\nB="three four"', ['one two', 'three four']],
    ['it in base64', 'correct horse', [base64('correct horse')]],
    ['it as an address spells it', 'correct/horse', ['correct%2Fhorse']],
    ['it as JSON spells it', 'correct"horse', ['correct\\"horse']],
  ])('are %s', (_title, secret, expected) => {
    expect(secretParts(secret)).toEqual(expect.arrayContaining(expected));
  });

  test.each([
    'abc',
    'true',
    'staging',
    'Postgres',
    'FALSE',
    'null',
    '   a   ',
    '',
    '{}',
    '{"a":"abc","b":true,"c":null,"d":1}',
  ])('of %j hold nothing that a log cannot do without', (secret) => {
    for (const part of secretParts(secret))
      expect(['abc', 'true', 'false', 'null', '1', 'a', 'staging', 'Postgres']).not.toContain(part);
  });

  test('leave out the common words beside a secret', () => {
    const file = secretParts('kind: Config\npassword: hunter2\nserver: https://abcdefgh');
    expect(file).toEqual(expect.arrayContaining(['hunter2', 'https://abcdefgh']));
    expect(file).not.toContain('Config');
    const parts = secretParts('postgres://papergate:hunter22@localhost/papergate');
    expect(parts).toContain('hunter22');
    expect(parts).not.toContain('papergate');
    expect(secretParts('{"environment":"staging","key":"hunter22"}')).not.toContain('staging');
  });

  test('come longest first, and end: a secret wrapped a hundred times does no harm', () => {
    let deep = 'x'.repeat(20);
    for (let i = 0; i < 12; i++) deep = base64(deep);
    const lengths = secretParts(deep).map((part) => part.length);
    expect(lengths).toEqual(lengths.toSorted((a, b) => b - a));
    expect(lengths.length).toBeLessThan(100);
  });

  test('are found in no time in a secret of a megabyte, and so is one in a log of that size', () => {
    for (const filler of ['x', 'ab ', 'token', 'a:', ' ', 'bearer ', 'a://']) {
      const text = filler.repeat(1_000_000 / filler.length);
      const masks = new Masks(() => {});
      masks.add('hunter22');
      const started = performance.now();
      secretParts(text);
      masks.clean(`${text}hunter22`);
      // A hundredth of what one quadratic expression takes.
      expect({ filler, isQuick: performance.now() - started < 10_000 }).toEqual({ filler, isQuick: true });
    }
  });

  test('hold every text that is wrapped up in JSON, lines or base64', () => {
    const word = fc.stringMatching(/^[a-zA-Z0-9]{12,30}$/);
    const wraps = fc.array(fc.constantFrom('json', 'base64', 'lines'), { maxLength: 3 });
    fc.assert(
      fc.property(word, wraps, (text, list) => {
        let secret = `${text}!`;
        for (const wrap of list)
          secret =
            wrap === 'json'
              ? JSON.stringify({ k: secret })
              : wrap === 'base64'
                ? base64(secret)
                : `begin:\n${secret}\nend.`;
        expect(secretParts(secret)).toContain(`${text}!`);
      }),
      { numRuns: 200 },
    );
  });
});

describe('masks', () => {
  const collect = (): { masks: Masks; masked: string[] } => {
    const masked: string[] = [];
    return { masks: new Masks((part) => masked.push(part)), masked };
  };

  test('tell the runner single lines only, each once', () => {
    const { masks, masked } = collect();
    masks.add('line one\nline two');
    masks.add('line one');
    expect(masked).toEqual(expect.arrayContaining(['line one', 'line two']));
    expect(masked.filter((part) => /[\r\n]/.test(part))).toEqual([]);
    expect(new Set(masked).size).toBe(masked.length);
  });

  test('clean texts of every part, the longest first', () => {
    const { masks } = collect();
    masks.add('{"a":"hunter22","b":"hunter22-and-more"}');
    expect(masks.clean('x hunter22-and-more y hunter22 z')).toBe('x [redacted] y [redacted] z');
    expect(masks.holds('ahunter22b')).toBe(true);
    expect(masks.holds('hunter2')).toBe(false);
  });

  test('clean texts of what looks like a key though nobody called it a secret', () => {
    const key = `AK${'Q7'.repeat(9)}`;
    expect(collect().masks.clean(`found ${key}`)).toBe('found [redacted]');
  });

  test('know the secrets by the kind of their input and by the name of their variable', () => {
    const { masks, masked } = collect();
    maskSecrets(
      masks,
      {
        token: { kind: 'secret', description: '' },
        secrets: { kind: 'secrets', description: '' },
        plain: { kind: 'text', description: '' },
      },
      {
        INPUT_TOKEN: 'first secret',
        INPUT_SECRETS: '{"A":"second secret","B":"third\\nlines22"}',
        INPUT_PLAIN: 'not a secret',
        GITHUB_TOKEN: 'fourth secret',
        STAGING_SSH_KEY: 'fifth secret',
        DATABASE_URL: 'postgres://u:sixthsecret@h/d',
        POSTGRES_PASSWORD: 'postgres',
        TOKEN_COUNT: '12345678',
        PATH: '/usr/bin:/bin',
      },
    );
    for (const secret of [
      'first secret',
      'second secret',
      'third',
      'lines22',
      'fourth secret',
      'fifth secret',
      'sixthsecret',
    ])
      expect(masked).toContain(secret);
    for (const plain of ['not a secret', 'postgres', '12345678', '/usr/bin:/bin']) expect(masked).not.toContain(plain);
  });

  test('cover all lines of secrets that are broken JSON', () => {
    const { masks, masked } = collect();
    maskSecrets(
      masks,
      { secrets: { kind: 'secrets', description: '' } },
      { INPUT_SECRETS: '{"A": "broken one",\n"B": oops secret' },
    );
    expect(masked.join('\n')).toContain('broken one');
    expect(masks.clean('x "B": oops secret y')).toBe('x [redacted] y');
  });
});
