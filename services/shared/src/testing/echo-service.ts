import { buildServiceApp, runService } from '../index.ts';

// The smallest service there can be, for the tests of the life that all services share.
await runService({
  service: 'dashboard',
  env: process.env,
  async build(context) {
    const app = await buildServiceApp(context);
    return {
      app,
      start: async () => {
        if (process.env['ECHO_START'] === 'fail') throw new Error('the start went wrong');
        if (process.env['ECHO_START'] === 'later') setTimeout(() => context.fail(new Error('lost for good')), 1);
      },
      stop: async () => {
        if (process.env['ECHO_STOP'] === 'never') await new Promise(() => undefined);
        context.logger.info('finished what was held');
      },
    };
  },
});
