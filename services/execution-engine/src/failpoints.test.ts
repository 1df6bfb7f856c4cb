import { describe, expect, test } from '@jest/globals';
import { UserError } from '@papergate/config';
import { FAILPOINTS, readTreatment } from './failpoints.ts';

describe('what a test lays over the engine', () => {
  test.each(['staging', 'production'] as const)('does not exist in %s: its mere presence is refused', (environment) => {
    expect(() => readTreatment('{}', environment)).toThrow(`is set in ${environment}, where it is not allowed`);
    expect(() => readTreatment('{}', environment)).toThrow(UserError);
    expect(readTreatment(undefined, environment)).toBeUndefined();
  });

  test('gives shorter times without a step', () => {
    const found = readTreatment('{"settings":{"resendAfterMs":7}}', 'development');
    expect(found?.settings).toEqual({ resendAfterMs: 7 });
    expect(FAILPOINTS.map((name) => found?.failpoint(name))).toEqual(FAILPOINTS.map(() => undefined));
  });

  test('can be given another step later, and passes the others', () => {
    const found = readTreatment('{}', 'development');
    found?.arm('{"at":"send.calling","signal":"SIGKILL","after":5}');
    expect(FAILPOINTS.map((name) => found?.failpoint(name))).toEqual(FAILPOINTS.map(() => undefined));
    expect(() => found?.arm('{"at":"lunch"}')).toThrow('"lunch"');
  });

  test.each([
    ['no JSON', '{', 'is no JSON'],
    ['a step that there is not', '{"at":"lunch","signal":"SIGKILL"}', '"lunch"'],
    ['another signal', '{"at":"send.calling","signal":"SIGTERM"}', 'SIGKILL or SIGSTOP'],
    ['a count that is none', '{"at":"send.calling","signal":"SIGKILL","after":-1}', '"after"'],
  ])('is refused with what is wrong: %s', (_name, text, part) => {
    expect(() => readTreatment(text, 'development')).toThrow(part);
  });
});
