import { describe, expect, test } from '@jest/globals';
import { EXIT, ExternalError, PapergateError, UserError } from '@papergate/config';
import { defineInputs, defineOutputs } from './inputs/kinds.ts';
import { runAction, type Action } from './run.ts';
import { recorder, type Recorder } from './testing/recorder.ts';

const INPUTS = defineInputs({
  level: { kind: 'integer', min: 1, max: 9, default: 3, description: '' },
  token: { kind: 'secret', description: '' },
  home: { kind: 'path', description: '' },
});
const OUTPUTS = defineOutputs({ verdict: '', 'reason-code': '', where: '' });
type Demo = Action<typeof INPUTS, typeof OUTPUTS>;

async function run(over: Partial<Demo>, env: Record<string, string> = {}): Promise<Recorder> {
  const around = recorder(env);
  await runAction({ name: 'demo', inputs: INPUTS, outputs: OUTPUTS, main: async () => {}, ...over }, around);
  return around;
}

describe('an action that does its work', () => {
  test('passes with its outputs, its summary and exit code 0', async () => {
    const around = await run({
      main: async ({ inputs, setOutput, summary }) => {
        setOutput('where', `level ${inputs.level}`);
        summary.heading('Done');
      },
    });
    expect(Object.fromEntries(around.outputs)).toEqual({ where: 'level 3', verdict: 'pass', 'reason-code': '' });
    expect(around.summary).toBe('### Done\n\n');
    expect(around.exitCode).toBe(0);
    expect(around.annotations).toEqual([]);
  });

  test('is told where it runs and where state lies', async () => {
    const seen: unknown[] = [];
    const look = (env: Record<string, string>) =>
      run(
        {
          main: async ({ home, context, env: own }) =>
            void seen.push([home, context.repository, context.act, own['INPUT_LEVEL']]),
        },
        env,
      );
    await look({ RUNNER_TEMP: '/t', PAPERGATE_HOME: '', INPUT_LEVEL: '4' });
    await look({ PAPERGATE_HOME: '/p', ACT: 'true' });
    await look({ PAPERGATE_HOME: '/p', INPUT_HOME: '/h' });
    expect(seen).toEqual([
      ['/t/papergate', 'someone/something', false, undefined],
      ['/p', 'someone/something', true, undefined],
      ['/h', 'someone/something', false, undefined],
    ]);
  });

  test('fails the job where it says block, with code, message and fix in one annotation', async () => {
    const around = await run({
      main: async () => ({ verdict: 'block', reasonCode: 'SOAK_TOO_SHORT', message: 'it ran for 3 h', fix: 'wait' }),
    });
    expect(around.annotations).toEqual([
      {
        kind: 'error',
        text: 'SOAK_TOO_SHORT: it ran for 3 h\n  fix: wait',
        properties: { title: 'demo: SOAK_TOO_SHORT' },
      },
    ]);
    expect(Object.fromEntries(around.outputs)).toEqual({ verdict: 'block', 'reason-code': 'SOAK_TOO_SHORT' });
    expect(around.exitCode).toBe(1);
  });
});

describe('whatever is thrown fails the job', () => {
  const user = new UserError({ code: 'A_MISTAKE', message: 'x is 3, allowed: 4', fix: 'set x to 4' });
  const outside = new ExternalError({ code: 'IT_BROKE', message: 'no', fix: 'again', cause: new Error('why') });
  const blocked = new PapergateError({ code: 'GATE_SAID_NO', message: 'no', exitCode: EXIT.blocked });
  test.each<[string, unknown, string, string, string]>([
    ['a mistake of the user’s', user, 'failed', 'A_MISTAKE', 'A_MISTAKE: x is 3, allowed: 4\n  fix: set x to 4'],
    ['something outside', outside, 'failed', 'IT_BROKE', 'IT_BROKE: no\n  cause: why\n  fix: again'],
    ['a gate’s no', blocked, 'block', 'GATE_SAID_NO', 'GATE_SAID_NO: no'],
    ['a defect', new TypeError('x is not a function'), 'failed', 'UNEXPECTED', 'UNEXPECTED: x is not a function'],
    ['a text', 'just text', 'failed', 'UNEXPECTED', 'UNEXPECTED: just text'],
    ['nothing', undefined, 'failed', 'UNEXPECTED', 'UNEXPECTED: something gave up without a word'],
    ['null', null, 'failed', 'UNEXPECTED', 'UNEXPECTED: null'],
    ['an object', { a: 1 }, 'failed', 'UNEXPECTED', 'UNEXPECTED: [object Object]'],
    ['several errors', new AggregateError([new Error('first')]), 'failed', 'UNEXPECTED', 'UNEXPECTED: first'],
  ])('%s', async (_title, thrown, verdict, code, text) => {
    const around = await run({
      main: async () => {
        throw thrown;
      },
    });
    expect(around.exitCode).toBe(1);
    expect(around.annotations.map((annotation) => annotation.text)).toEqual([expect.stringContaining(text)]);
    expect(Object.fromEntries(around.outputs)).toEqual({ verdict, 'reason-code': code });
    expect(around.summary).toContain(`**${verdict}**`);
    expect(around.summary).toContain(text);
  });

  test('also where nobody waited for it, at once and once', async () => {
    let finish = (): void => {};
    const around = recorder({});
    const running = runAction(
      {
        name: 'demo',
        inputs: INPUTS,
        outputs: OUTPUTS,
        main: () => new Promise<void>((resolve) => (finish = resolve)),
      },
      around,
    );
    await Promise.resolve();
    around.defect(new Error('lost'));
    around.defect(new Error('and another'));
    expect(around.exitCode).toBe(1);
    finish();
    await running;
    expect(around.exitCode).toBe(1);
    expect(around.annotations.map(({ text }) => text)).toEqual([expect.stringContaining('UNEXPECTED: lost')]);
    expect(around.outputs.get('verdict')).toBe('failed');
  });

  test('also what breaks while it is told how it went', async () => {
    const around = recorder({});
    around.commands.setOutput = () => {
      throw new Error('Missing file at path: /x');
    };
    await runAction({ name: 'demo', inputs: INPUTS, outputs: OUTPUTS, main: async () => {} }, around);
    expect([around.exitCode, around.annotations[0]?.text]).toEqual([1, 'UNEXPECTED: Missing file at path: /x']);
  });

  test('without a stack of ours, unless somebody debugs', async () => {
    const main = async (): Promise<void> => {
      throw new Error('outer', { cause: new Error('inner') });
    };
    const quiet = await run({ main });
    expect(`${quiet.said.join('\n')}${quiet.summary}`).not.toContain('run.test.ts');
    const debugging = await run({ main }, { RUNNER_DEBUG: '1' });
    expect(debugging.said.join('\n')).toMatch(
      /debug: Error: outer\n[\s\S]*run\.test\.ts[\s\S]*caused by: Error: inner/,
    );
  });

  test.each<[string, Record<string, string>]>([
    ['INPUT_INVALID', { INPUT_LEVEL: 'ten' }],
    ['ACTION_CONTEXT_MISSING', { GITHUB_SHA: '' }],
    ['ACTION_EVENT_UNREADABLE', { GITHUB_EVENT_PATH: '/nowhere/event.json' }],
  ])('%s, before anything is done', async (code, env) => {
    let ran = false;
    const around = await run({ main: async () => void (ran = true) }, env);
    expect([ran, around.exitCode, around.outputs.get('reason-code')]).toEqual([false, 1, code]);
  });
});

describe('secrets', () => {
  const secret = '{"user":"trader9","password":"correct horse"}';

  test('are masked with all their parts before anything else is said or saved', async () => {
    const around = await run(
      { main: async ({ log }) => log.info('hello'), post: async () => {} },
      { INPUT_TOKEN: secret, INPUT_LEVEL: 'wrong too' },
    );
    expect(around.masked).toEqual(expect.arrayContaining([secret, 'correct horse', 'trader9']));
    const first = around.said.findIndex((line) => line !== 'mask');
    expect(around.said.slice(first)).not.toContain('mask');
    expect(first).toBe(around.masked.length);
  });

  test('do not get out by log, annotation, summary, output, state or error', async () => {
    const around = await run(
      {
        main: async ({ inputs, log, summary, setOutput, saveState, mask, clean }) => {
          const text = inputs.token?.reveal() ?? '';
          mask('learned later');
          for (const word of [text, 'correct horse', 'learned later']) {
            log.info(word);
            summary.text(word).code(word);
            setOutput('where', `at ${word}`);
            saveState('kept', word);
            expect(clean(`a ${word} b`)).not.toContain(word);
          }
          throw new Error('correct horse, learned later');
        },
      },
      { INPUT_TOKEN: secret, RUNNER_DEBUG: '1' },
    );
    const all = JSON.stringify([
      around.said,
      [...around.outputs],
      [...around.state],
      around.summary,
      around.annotations,
    ]);
    expect(all).not.toMatch(/correct horse|trader9|learned later/);
    expect(around.outputs.get('where')).toBe('at [redacted]');
  });

  test('leave the environment of the process, so that nothing it starts inherits them', async () => {
    const around = await run({}, { INPUT_TOKEN: secret, INPUT_LEVEL: '3', KEEP: 'x' });
    expect(around.forgotten).toEqual(['INPUT_TOKEN', 'INPUT_LEVEL']);
  });
});

describe('a job that is cancelled', () => {
  test('tells the work, waits for its clean-up, and fails whatever comes of it', async () => {
    const order: string[] = [];
    const around = recorder({});
    const running = runAction(
      {
        name: 'demo',
        inputs: INPUTS,
        outputs: OUTPUTS,
        main: async ({ signal }) => {
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          await Promise.resolve();
          order.push('cleaned up');
        },
      },
      around,
    );
    around.cancel();
    around.cancel();
    expect(around.exitCode).toBeUndefined();
    await running;
    expect(order).toEqual(['cleaned up']);
    expect([around.exitCode, around.outputs.get('reason-code')]).toEqual([1, 'ACTION_CANCELLED']);
  });
});

describe('the step after the job', () => {
  test('runs in its place, with what was saved, and sets no outputs', async () => {
    const ran: string[] = [];
    const over: Partial<Demo> = {
      main: async ({ saveState }) => {
        ran.push('main');
        saveState('folder', '/tmp/x');
      },
      post: async ({ state, inputs }) => void ran.push(`post ${state('folder')} ${inputs.level}`),
    };
    const first = await run(over);
    const state = Object.fromEntries([...first.state].map(([name, value]) => [`STATE_${name}`, value]));
    const second = await run(over, state);
    expect(ran).toEqual(['main', 'post /tmp/x 3']);
    expect(second.outputs.size).toBe(0);
    expect(second.exitCode).toBe(0);
  });

  test('is planned before the inputs are read, and is not for actions without one', async () => {
    expect((await run({ post: async () => {} }, { INPUT_LEVEL: 'x' })).state.size).toBe(1);
    expect((await run({})).state.size).toBe(0);
  });

  test('fails the job where it throws', async () => {
    const post = async (): Promise<void> => {
      throw new ExternalError({ code: 'LOGOUT_FAILED', message: 'no' });
    };
    const around = await run({ post }, { STATE_papergate_is_post: 'true' });
    expect([around.exitCode, around.annotations[0]?.text]).toEqual([1, 'LOGOUT_FAILED: no']);
  });

  test('cleans up by state also where an input that was good no longer is, and fails where it asks for one', async () => {
    const began = await run({ post: async () => {} });
    const state = Object.fromEntries([...began.state].map(([name, value]) => [`STATE_${name}`, value]));
    const env = { ...state, STATE_folder: '/tmp/x', INPUT_LEVEL: 'x' };
    const removed: string[] = [];
    const post: NonNullable<Parameters<typeof run>[0]['post']> = async ({ inputs, state: of }) => {
      removed.push(of('folder'));
      if (of('folder') === '') removed.push(String(inputs.level));
    };
    expect((await run({ post }, env)).exitCode).toBe(0);
    expect(removed).toEqual(['/tmp/x']);
    const asked = await run({ post }, { ...env, STATE_folder: '' });
    expect([asked.exitCode, asked.annotations[0]?.text]).toEqual([1, expect.stringMatching(/^INPUT_INVALID: .*level/)]);
  });

  test('says nothing where the inputs are wrong: the main step has, and there is nothing to clean up', async () => {
    let ran = false;
    const env = { STATE_papergate_is_post: 'true', INPUT_LEVEL: 'x' };
    const around = await run({ post: async () => void (ran = true) }, env);
    expect([ran, around.exitCode, around.annotations]).toEqual([false, 0, []]);
  });
});
