import { runService } from '@papergate/service-kit';
import { buildObservabilityApi } from './build.ts';

await runService({
  service: 'observability-api',
  env: process.env,
  build: (context) => buildObservabilityApi(context),
});
