import { runService } from '@papergate/service-kit';
import { buildExecutionEngine } from './build.ts';
import { readTreatment } from './failpoints.ts';

const { PAPERGATE_ENGINE_TREATMENT: treatment } = process.env;
await runService({
  service: 'execution-engine',
  env: process.env,
  build: async (context) => buildExecutionEngine(context, readTreatment(treatment, context.env.environment)),
});
