import { runService } from '@papergate/service-kit';
import { buildExecutionEngine } from './build.ts';
import { readTreatment } from './failpoints.ts';

const { PAPERGATE_ENGINE_TREATMENT: text } = process.env;
await runService({
  service: 'execution-engine',
  env: process.env,
  build: async (context) => {
    const treatment = readTreatment(text, context.env.environment);
    if (treatment !== undefined) process.on('message', (message) => treatment.arm(String(message)));
    return buildExecutionEngine(context, treatment);
  },
});
