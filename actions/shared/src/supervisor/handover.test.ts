import { describe, expect, test } from '@jest/globals';
import type { Secret } from '@papergate/config';
import { Handover } from './handover.ts';
import type { DeployPlan } from './plan.ts';

function watched() {
  const told: string[] = [];
  const secrets: string[] = [];
  const handover = new Handover({
    stopServices: (names) => {
      told.push(`stop ${names.join(',')}`);
      return Promise.resolve({ alpha: 'stopped' });
    },
    startService: (plan: DeployPlan, name: string, given: ReadonlyMap<string, Secret>) => {
      told.push(`start ${name} of ${plan.manifestDigest}`);
      secrets.push(...[...given].map(([key, secret]) => `${key}=${secret.reveal()}`));
    },
    forgetServices: (names) => void told.push(`forget ${names.join(',')}`),
  });
  return { handover, told, secrets };
}

const plan = { schema: 1, manifestDigest: 'sha256:d' };

describe('a hand-over', () => {
  test('takes the steps that it is asked for, and passes on only secrets that services know', async () => {
    const { handover, told, secrets } = watched();
    expect(await handover.take({ act: 'stop', generation: 3, services: ['alpha', 'beta'] })).toEqual({
      outcomes: { alpha: 'stopped' },
    });
    const given = { API_TOKEN: 'new', SOMETHING_ELSE: 'x' };
    await handover.take({ act: 'start', generation: 3, service: 'alpha', plan, secrets: given });
    await handover.take({ act: 'forget', generation: 4, services: ['gamma'] });
    expect(told).toEqual(['stop alpha,beta', 'start alpha of sha256:d', 'forget gamma']);
    expect(secrets).toEqual(['API_TOKEN=new']);
  });

  test('refuses a deployer that somebody else has taken the place from, and changes nothing', async () => {
    const { handover, told } = watched();
    await handover.take({ act: 'stop', generation: 5, services: [] });
    const late = handover.take({ act: 'start', generation: 4, service: 'alpha', plan, secrets: {} });
    await expect(late).rejects.toThrow('generation 4 is over: 5 has the place');
    expect(told).toEqual(['stop ']);
  });

  test.each([
    {},
    { act: 'stop', services: [] },
    { act: 'start', generation: 1, service: 'alpha', secrets: {} },
    { act: 'explode', generation: 1 },
  ])('does not know %j', async (request) => {
    const { handover, told } = watched();
    await expect(handover.take(request)).rejects.toThrow('does not know that step');
    expect(told).toEqual([]);
  });
});
