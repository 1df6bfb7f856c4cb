import { runService } from '@papergate/service-kit';
import { buildDashboard } from './build.ts';

await runService({ service: 'dashboard', env: process.env, build: buildDashboard });
