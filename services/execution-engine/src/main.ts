import { runService } from '@papergate/service-kit';
import { buildExecutionEngine } from './build.ts';

await runService({ service: 'execution-engine', env: process.env, build: buildExecutionEngine });
