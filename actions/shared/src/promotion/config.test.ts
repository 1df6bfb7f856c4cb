import { describe, expect, test } from '@jest/globals';
import { ConfigError } from '@papergate/config';
import { defaultGateConfig, describeConfig, gateConfigOf } from './config.ts';

describe('the configuration of the production gate', () => {
  test('has a default for whatever is left out', () => {
    expect(gateConfigOf({ soak: { hours: 72 } }, 'gate.json')).toEqual({
      ...defaultGateConfig(),
      soak: { enabled: true, hours: 72 },
    });
  });

  test.each([
    ['a rule that does not exist', { soack: { hours: 1 } }, /unknown key soack \(did you mean "soak"\?\)/],
    ['a key that does not exist', { soak: { hour: 1 } }, /unknown key soak.hour/],
    ['text for a number', { soak: { hours: '48' } }, /soak.hours is "48", allowed: a number from 0 to 8760/],
    [
      'an impossible number',
      { approvers: { at_least: 0 } },
      /approvers.at_least is 0, allowed: a whole number from 1 to 10/,
    ],
    ['another severity', { 'image-audit': { severity: 'bad' } }, /image-audit.severity is "bad", allowed: .*critical/],
    ['a list for the whole', [], /the whole file is/],
  ])('refuses %s, naming it', (_title, value, words) => {
    expect(() => gateConfigOf(value, 'gate.json')).toThrow(words);
    expect(() => gateConfigOf(value, 'gate.json')).toThrow(ConfigError);
  });

  test('is never changed in silence: every figure is told, with the default where it is another', () => {
    const config = gateConfigOf(
      { soak: { hours: 1 }, 'environment-branches': { branches: ['main', 'next'] } },
      'gate.json',
    );
    expect(describeConfig(config, 'soak')).toBe('hours 1 (default 48)');
    expect(describeConfig(config, 'environment-branches')).toBe('branches main next (default main)');
    expect(describeConfig(config, 'environment-wait-timer')).toBe('hours 24');
  });
});
