import { runService } from '@papergate/service-kit';
import { buildSignalBridge } from './build.ts';

await runService({ service: 'signal-bridge', env: process.env, build: buildSignalBridge });
