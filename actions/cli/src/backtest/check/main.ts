import { writeSync } from 'node:fs';
import type { Environment } from '@papergate/config';
import { lookAtStrategies } from './look.ts';

const [configDir = '', environment = '', folder = ''] = process.argv.slice(2);
// At once, and past whatever a plug-in does to streams: what hangs afterwards is ended from outside.
await lookAtStrategies({ configDir, environment: environment as Environment, folder }, (line) => {
  writeSync(3, `${JSON.stringify(line)}\n`);
});
// A timer that a plug-in has started is no reason to stay.
process.exit(0);
