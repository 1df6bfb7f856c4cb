import { expect, test } from '@jest/globals';
import { commandBlocks } from './blocks.ts';

test('commands are the lines of boxes marked sh, under their headings', () => {
  const page = [
    '# A',
    '```sh',
    'one',
    '',
    'two',
    '```',
    'text',
    '## B',
    '```',
    'not this',
    '```',
    '```sh',
    'three',
    '```',
  ];
  expect(commandBlocks(page.join('\n'))).toEqual([
    { heading: 'A', lines: ['one', 'two'] },
    { heading: 'B', lines: ['three'] },
  ]);
});
