import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { describeError, errorCode, ExternalError, messageOf, UserError } from './errors.ts';
import { Secret } from './secret.ts';

describe('errors', () => {
  test('of a user are told with their fix and without a stack or cause', () => {
    const error = new UserError({
      code: 'X_WRONG',
      message: 'x is 1, allowed: 2',
      fix: 'set x to 2',
      cause: new Error('inner'),
    });
    expect(describeError(error)).toBe('X_WRONG: x is 1, allowed: 2\n  fix: set x to 2');
    expect(error.exitCode).toBe(2);
    expect(error.name).toBe('UserError');
  });

  test('of the world outside are told with their cause', () => {
    const error = new ExternalError({
      code: 'DB_DOWN',
      message: 'no database',
      cause: new Error('refused', { cause: new Error('really') }),
    });
    expect(describeError(error)).toBe('DB_DOWN: no database\n  cause: refused: really');
    expect(error.exitCode).toBe(3);
  });

  test('that nobody foresaw are told with their whole chain', () => {
    const text = describeError(new Error('outer', { cause: new Error('inner') }));
    expect(text).toMatch(/^UNEXPECTED: Error: outer\n(?:.*\n)*caused by: Error: inner\n/);
    expect(describeError('a text')).toBe('UNEXPECTED: a text');
    expect(describeError(undefined)).toBe('UNEXPECTED: undefined');
  });

  test('have a message even where Node gives none', () => {
    expect(messageOf(new AggregateError([new Error('connect ECONNREFUSED')], ''))).toBe('connect ECONNREFUSED');
    expect(messageOf(new TypeError(''))).toBe('TypeError');
    expect(messageOf(7)).toBe('7');
  });

  test('have their code wherever in the chain it stands', () => {
    const coded = Object.assign(new Error('x'), { code: 'ENOENT' });
    expect(errorCode(new Error('y', { cause: new AggregateError([coded]) }))).toBe('ENOENT');
    expect(errorCode({ cause: { code: 'E' } })).toBe('E');
    expect(errorCode(new Error('y'))).toBeUndefined();
    expect(errorCode(null)).toBeUndefined();
    const circle: { cause?: unknown } = {};
    circle.cause = circle;
    expect(errorCode(circle)).toBeUndefined();
  });
});

describe('a secret', () => {
  test('is redacted however it is printed, and revealed only when asked', () => {
    const secret = new Secret('hunter2');
    const printed = [
      String(secret),
      JSON.stringify({ secret }),
      inspect({ secret }),
      inspect(secret, { showHidden: true }),
      Object.keys(secret).join(),
    ];
    for (const text of printed) expect(text).not.toContain('hunter2');
    expect(JSON.stringify(secret)).toBe('"[redacted]"');
    expect(secret.reveal()).toBe('hunter2');
    expect([secret.isEmpty, new Secret('').isEmpty]).toEqual([false, true]);
  });
});
