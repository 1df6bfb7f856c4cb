import { runService } from '@papergate/service-kit';
import { buildOrchestrator } from './build.ts';

await runService({ service: 'orchestrator', env: process.env, build: (context) => buildOrchestrator(context) });
