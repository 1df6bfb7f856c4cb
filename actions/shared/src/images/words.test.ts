import { describe, expect, test } from '@jest/globals';
import { BuildWords } from './words.ts';

const feed = (lines: readonly string[], images = 2) => {
  const told: [string, number | undefined][] = [];
  const words = new BuildWords(images, ({ message, fraction }) => told.push([message, fraction]));
  for (const line of lines) words.add(line);
  return { words, told };
};

describe('the words of a build', () => {
  test('tell each step once, and how many images are there', () => {
    const { told } = feed([
      '#0 building with "default" instance using docker driver',
      '#1 [dashboard internal] load build definition from Dockerfile',
      '#20 [dashboard packages 3/5] RUN ["node", "install.mjs"]',
      '#20 [dashboard packages 3/5] RUN ["node", "install.mjs"]',
      '#20 1.203 added 156 packages',
      '#20 DONE 2.0s',
      '#30 writing image sha256:0123 done',
      '#31 writing image sha256:4567 done',
    ]);
    expect(told).toEqual([
      ['[packages 3/5] RUN ["node", "install.mjs"]', undefined],
      ['built 1 of 2 images', 0.5],
      ['built 2 of 2 images', 1],
    ]);
  });

  test('of a failure are those of the step that failed, not of its neighbours', () => {
    const { words } = feed([
      '#20 [dashboard packages 3/5] RUN npm ci',
      '#21 [tree 2/2] RUN arrange',
      '#20 0.5 npm error code E404',
      '#21 0.6 all is well',
      '\u001b[31m#20 0.7 npm error 404 Not Found\u001b[0m',
      '#20 ERROR: process "npm ci" did not complete successfully: exit code: 1',
      '#21 ERROR: context canceled',
      '#22 CANCELED',
      'ERROR: failed to solve: process "npm ci" did not complete',
    ]);
    expect(words.failure()).toEqual({
      step: '[packages 3/5] RUN npm ci',
      lines: [
        'npm error code E404',
        'npm error 404 Not Found',
        'process "npm ci" did not complete successfully: exit code: 1',
      ],
    });
  });

  test('are bounded: the last thirty of a step are kept', () => {
    const { words } = feed([
      '#5 [tree 2/2] RUN x',
      ...Array.from({ length: 500 }, (_, at) => `#5 0.1 line ${at}`),
      '#5 ERROR: exit code: 1',
    ]);
    const { lines } = words.failure();
    expect(lines).toHaveLength(31);
    expect(lines.slice(-2)).toEqual(['line 499', 'exit code: 1']);
  });

  test('of a failure without a step are the last that were said', () => {
    const { words } = feed(['ERROR: docker-bake.hcl:3,1-2: Invalid block definition']);
    expect(words.failure()).toEqual({
      step: undefined,
      lines: ['ERROR: docker-bake.hcl:3,1-2: Invalid block definition'],
    });
  });
});
