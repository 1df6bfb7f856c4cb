import { constants, createDeflate } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { base64, BROKER, key, LIVE, PAPER } from '../cases/fixtures.ts';
import { findKeys } from './find.ts';

describe('the search for keys', () => {
  test('tells kind, place and disguise, and nothing of the key', () => {
    const text = `first line\n${LIVE} and ${base64(`key: ${PAPER}`)}\n${BROKER.slice(0, 9)} ${BROKER.slice(9)}`;
    const { hits, complete } = findKeys(text);
    expect(complete).toBe(true);
    expect(hits).toEqual([
      { kind: 'live', aws: false, how: [], offset: 11 },
      { kind: 'paper', aws: false, how: ['base64'], offset: 36 },
      { kind: 'broker', aws: false, how: ['split'], offset: text.indexOf(BROKER.slice(0, 9)) },
    ]);
  });

  test('tells a key that may be AWS’s apart', () => {
    expect(findKeys(`AKIA${'Q7W2'.repeat(4)}`).hits).toEqual([{ kind: 'live', aws: true, how: [], offset: 0 }]);
    expect(findKeys(`AKIA${'Q1W8'.repeat(4)}`).hits).toEqual([{ kind: 'live', aws: false, how: [], offset: 0 }]);
  });

  test('keeps the offset of the original through replacements before the key', () => {
    const before = '\u200b'.repeat(7) + '%41'.repeat(5) + 'é'.repeat(3);
    expect(findKeys(`${before} ${LIVE.replace('K', '%4b')}`).hits.map(({ offset }) => offset)).toContain(
      before.length + 1,
    );
  });

  test('finds a live key behind more paper keys than it counts', () => {
    const many = Array.from({ length: 500 }, (_, i) => key('PK', i + 1)).join('\n');
    const kinds = findKeys(`${many}\n${LIVE}`).hits.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'paper')).toHaveLength(100);
    expect(kinds).toContain('live');
  });

  test('finds a key in zlib data that by chance hold the mark of gzip', async () => {
    const zlib = createDeflate({ level: 0 });
    zlib.write(Buffer.from([0x1f, 0x8b, 0x08]));
    await new Promise<void>((resolve) => {
      zlib.flush(resolve);
    });
    zlib.params(9, constants.Z_DEFAULT_STRATEGY, () => zlib.end(` ${LIVE}`));
    const data = Buffer.concat(await zlib.toArray());
    expect(data.subarray(0, 64).indexOf('1f8b08', 'hex')).toBeGreaterThan(0);
    expect(data.includes(LIVE)).toBe(false);
    expect(findKeys(data.toString('base64')).hits).toEqual([
      { kind: 'live', aws: false, how: ['base64 of compressed data'], offset: 0 },
    ]);
  });

  test('says that it is in doubt where the work has to be cut off', () => {
    let text = LIVE;
    for (let i = 0; i < 12; i++) text = base64(text);
    expect(findKeys(text)).toEqual({ hits: [], complete: false });
  });

  /** What makes careless patterns take quadratic time: four times the text must not take sixteen times as long. */
  const HOSTILE = [
    '\\',
    '%25',
    '%',
    '&#',
    'A',
    'AK',
    'AK ',
    'A K 1 ',
    '""',
    '=41',
    '4a ',
    '65, ',
    '\\u0041',
    'é',
    '\0',
    '\u001b[0;',
    'ab, ',
    'QUJD/+x',
    'a\n',
    '<',
    '"+',
    'QUtB',
  ];
  test.each(HOSTILE)('takes time in proportion to a text of nothing but %j', (part) => {
    const time = (length: number) => {
      const text = part.repeat(length / part.length);
      const start = process.cpuUsage();
      findKeys(text);
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1000;
    };
    time(20_000);
    const small = Math.max(time(50_000), 10);
    expect(time(200_000)).toBeLessThan(small * 12);
  });
});
