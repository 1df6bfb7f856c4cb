import { describe, expect, test } from '@jest/globals';
import { ROUTES } from '../routes/index.ts';
import { loadDescription } from './describe.ts';
import { extract } from './extract.ts';

describe('the description', () => {
  test('is cut down to what is referred to, words go, and a property may be called like one', () => {
    const whole = {
      paths: { '/a': { get: { summary: 's', parameters: [{ $ref: '#/components/parameters/p' }], responses: {} } } },
      components: {
        parameters: { p: { name: 'p', description: 'words', schema: { $ref: '#/components/schemas/s' } } },
        schemas: {
          s: { title: 'S', type: 'object', properties: { title: { type: 'string', description: 'd' } } },
          other: {},
        },
      },
    };
    expect(extract(whole, ['GET /a'])).toEqual({
      paths: { '/a': { get: { parameters: [{ $ref: '#/components/parameters/p' }], responses: {} } } },
      components: {
        parameters: { p: { name: 'p', schema: { $ref: '#/components/schemas/s' } } },
        schemas: { s: { type: 'object', properties: { title: { type: 'string' } } } },
      },
    });
    expect(() => extract(whole, ['POST /a'])).toThrow('no operation POST /a');
  });

  test('has every route', () => {
    const description = loadDescription();
    for (const { route } of ROUTES) expect(description.operation(route).responses).toBeDefined();
  });
});
