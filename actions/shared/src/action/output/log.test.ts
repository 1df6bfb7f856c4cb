import { describe, expect, test } from '@jest/globals';
import { recorder } from '../testing/recorder.ts';
import { ActionLog } from './log.ts';

const logged = (): { log: ActionLog; around: ReturnType<typeof recorder> } => {
  const around = recorder({});
  return { around, log: new ActionLog(around.commands, (text) => text.replaceAll('hunter22', '[redacted]')) };
};

describe('the log of an action', () => {
  test('cleans every text, title and file name of secrets', async () => {
    const { log, around } = logged();
    log.info('a hunter22');
    log.debug('b hunter22');
    log.error('c hunter22', { title: 'd hunter22', file: 'e/hunter22', line: 3 });
    log.warning('f hunter22');
    log.notice('g hunter22');
    log.failure('h hunter22');
    await log.group('i hunter22', () => log.group('j hunter22', () => undefined));
    expect(around.said.join('\n')).not.toContain('hunter22');
    expect(JSON.stringify(around.annotations)).not.toContain('hunter22');
    expect(around.annotations[0]?.properties).toEqual({ title: 'd [redacted]', file: 'e/[redacted]', startLine: 3 });
  });

  test.each([
    '::set-output name=verdict::pass',
    '  ::add-mask::e',
    'innocent\n::stop-commands::x',
    '##[set-env name=PATH]/evil',
    'innocent ##[error]x',
    ':::error::x',
  ])('shows %j and gives the runner no order', (text) => {
    const { log, around } = logged();
    log.info(text);
    const line = around.said[0]?.slice('info: '.length) ?? '';
    expect(line.replaceAll('\u200b', '')).toBe(text);
    for (const shown of line.split('\n')) expect(shown).not.toMatch(/^\s*::|##\[/);
  });

  test('makes at most nine annotations of a kind, tells the rest in the log, and always why the job failed', () => {
    const { log, around } = logged();
    for (let i = 1; i <= 12; i++) log.error(`e${i}`, { file: 'a.ts', line: i });
    log.warning('w');
    log.failure('why');
    expect(around.annotations.map(({ text }) => text)).toEqual([
      ...Array.from({ length: 9 }, (_, i) => `e${i + 1}`),
      'w',
      'why',
    ]);
    expect(around.said).toContain('info: error: a.ts:12: e12');
  });

  test('closes a group also where the work in it fails, and folds one level only', async () => {
    const { log, around } = logged();
    const failing = log.group('outer\ntitle', async () => {
      await log.group('inner', () => log.info('x'));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(around.said).toEqual(['group: outer title', 'info: — inner', 'info: x', 'endgroup']);
    expect(await log.group('again', () => 7)).toBe(7);
    expect(around.said.at(-1)).toBe('endgroup');
  });
});
