import { describe, expect, test } from '@jest/globals';
import { figureTable, readFigures } from './figures.ts';

describe('figures', () => {
  test('are picked from among a benchmark’s other output, and nothing else is', () => {
    const output = [
      'starting',
      '{"name":"a","value":2,"unit":"1/s","ceiling":8,"ceiling_name":"raw"}',
      '{"name":"b","value":null,"unit":"1/s"}',
      '{broken',
      '{"value":3}',
    ].join('\n');
    expect(readFigures(output)).toEqual([{ name: 'a', value: 2, unit: '1/s', ceiling: 8, ceiling_name: 'raw' }]);
  });

  test('stand beside their ceiling', () => {
    expect(figureTable([{ name: 'a', value: 12_345, unit: '1/s', ceiling: 49_380, ceiling_name: 'raw' }])).toContain(
      '| a | 12,350 1/s | 49,380 1/s | 25 % | raw |',
    );
    expect(figureTable([{ name: 'b', value: 2, unit: 's' }])).toContain('| b | 2 s | – | – |  |');
  });
});
