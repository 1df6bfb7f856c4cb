import { runService } from '@papergate/service-kit';
import { buildSignalBridge } from './build.ts';
import { takeEnvironment } from './plugins/environment.ts';

await runService({ service: 'signal-bridge', env: takeEnvironment(process.env), build: buildSignalBridge });
