import { runService } from '@papergate/service-kit';
import { buildPaperExchange } from './service.ts';

const { EXCHANGE_STATE_DIR: stateDir } = process.env;
await runService({
  service: 'paper-exchange',
  env: process.env,
  build: (context) => buildPaperExchange(context, { stateDir }),
});
