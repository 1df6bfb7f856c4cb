// An action that does what its input says, for the tests of what every action has in common.
import { ExternalError } from '@papergate/config';
import { defineInputs, defineOutputs } from '../inputs/kinds.ts';
import { runAction, type ActionJob } from '../run.ts';

const INPUTS = defineInputs({
  act: { kind: 'text', required: true, description: 'What to do.' },
  token: { kind: 'secret', description: 'A secret.' },
});
const OUTPUTS = defineOutputs({ verdict: '', 'reason-code': '', text: '' });
type Job = ActionJob<typeof INPUTS, typeof OUTPUTS>;

const ACTS: Readonly<Record<string, (job: Job) => Promise<void> | void>> = {
  pass: ({ setOutput, saveState, summary, log }) => {
    setOutput('text', 'two\nlines');
    saveState('folder', '/some/where');
    summary.heading('Done');
    log.info('::error::no order');
  },
  children: ({ log, env }) => {
    log.info(`inputs of children: ${Object.keys(process.env).filter((name) => name.startsWith('INPUT_')).length}`);
    log.info(`token in env: ${JSON.stringify(env).includes('correct horse')}`);
  },
  long: ({ log }) => log.info('x'.repeat(2_000_000)),
  // A socket, a timer: whatever else there is must not keep the job.
  hang: () => void setInterval(() => {}, 1000),
  'throw-later': () =>
    new Promise(() => {
      setTimeout(() => {
        throw new ExternalError({ code: 'LATER', message: 'thrown where nobody waits' });
      }, 10);
    }),
  'reject-later': () => {
    const lost = async (): Promise<void> => {
      throw new ExternalError({ code: 'LOST', message: 'rejected where nobody waits' });
    };
    void lost();
    return new Promise(() => setInterval(() => {}, 1000));
  },
  wait: async ({ signal, log }) => {
    log.info('waiting');
    const alive = setInterval(() => {}, 1000);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    clearInterval(alive);
    log.info('cleaned up');
  },
};

void runAction({
  name: 'demo',
  inputs: INPUTS,
  outputs: OUTPUTS,
  main: async (job) => {
    await ACTS[job.inputs.act]?.(job);
  },
  post: async ({ log, state }) => log.info(`after the job: ${state('folder')}`),
});
