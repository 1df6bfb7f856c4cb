import { describe, expect, test } from '@jest/globals';
import { LIVE } from '../cases/fixtures.ts';
import { base32 } from '../cases/smuggled-variables.ts';
import { decodings } from './decode.ts';
import { directHits } from './direct.ts';
import { rootNode, transform, type ScanNode } from './node.ts';

const hits = (text: string, loose: Partial<Pick<ScanNode, 'looseStart' | 'looseEnd'>> = {}) =>
  [...directHits({ ...rootNode(text), ...loose })].map(({ how, offset }) => [how.join(), offset]);
const [HEAD, TAIL] = [LIVE.slice(0, 9), LIVE.slice(9)];

describe('a key in a text that was cut out of noise', () => {
  test('is found behind up to six letters of noise, and nowhere else within a word', () => {
    expect(hits(`noiseX${LIVE}`, { looseStart: true })).toEqual([['', 6]]);
    expect(hits(`noiseXX${LIVE}`, { looseStart: true })).toEqual([]);
    expect(hits(`noiseX${LIVE}`, { looseEnd: true })).toEqual([]);
    expect(hits(`noiseX${LIVE}`)).toEqual([]);
  });

  test('is found before up to six letters of noise', () => {
    expect(hits(`${LIVE}Xnoise`, { looseEnd: true })).toEqual([['', 0]]);
    expect(hits(`${LIVE}XXnoise`, { looseEnd: true })).toEqual([]);
    expect(hits(`${LIVE}Xnoise`, { looseStart: true })).toEqual([]);
    expect(hits(`${LIVE}Xnoise`)).toEqual([]);
  });

  test('is found in fragments with noise on both sides', () => {
    expect(hits(`noise${HEAD} ${TAIL}noise`, { looseStart: true, looseEnd: true })).toEqual([['split', 5]]);
    expect(hits(`noise${HEAD} ${TAIL}noise`, { looseStart: true })).toEqual([]);
    expect(hits(`noise${HEAD} ${TAIL}noise`, { looseEnd: true })).toEqual([]);
  });

  test('is decoded from base32 that noise has shifted', () => {
    const text = `NQ3X${base32(LIVE)}`;
    const texts = (loose: boolean) => [...decodings({ ...rootNode(text), looseStart: loose })].map((node) => node.text);
    expect(texts(true)).toContain(LIVE);
    expect(texts(false)).not.toContain(LIVE);
  });
});

describe('a text that was transformed', () => {
  test('leads every place back to where it came from', () => {
    const node = transform(
      rootNode('ab<1>cd<2>ef'),
      'test',
      /<(\d)>/g,
      ([, digit]) => `${digit}${digit}${digit}${digit}`,
    );
    expect(node?.text).toBe('ab1111cd2222ef');
    expect(node?.how).toEqual(['test']);
    const origin = (part: string) => node?.at(node.text.indexOf(part));
    expect([origin('ab'), origin('1111'), origin('cd'), origin('2222'), origin('ef')]).toEqual([0, 2, 5, 7, 10]);
  });

  test('is none where nothing changes', () => {
    expect(transform(rootNode('abc'), 'test', /b/g, ([b]) => b)).toBeUndefined();
    expect(transform(rootNode('abc'), 'test', /x/g, () => 'y')).toBeUndefined();
  });
});
