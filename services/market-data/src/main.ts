import { runService } from '@papergate/service-kit';
import { buildMarketData } from './build.ts';

await runService({ service: 'market-data', env: process.env, build: buildMarketData });
