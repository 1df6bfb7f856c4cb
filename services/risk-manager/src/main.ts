import { runService } from '@papergate/service-kit';
import { buildRiskManager } from './build.ts';

await runService({ service: 'risk-manager', env: process.env, build: buildRiskManager });
