import { runService } from '@papergate/service-kit';
import { buildPaperExchange } from './service.ts';

await runService({ service: 'paper-exchange', env: process.env, build: buildPaperExchange });
