import { isMainThread, workerData } from 'node:worker_threads';
import { runService } from '@papergate/service-kit';
import { buildSignalBridge } from './build.ts';
import { takeEnvironment } from './plugins/environment.ts';
import { watchStrategies, type WatchOrder } from './watchdog/index.ts';

// The same program again, as the thread that watches the strategies: in an image there is no other file.
if (!isMainThread) watchStrategies(workerData as WatchOrder);
else {
  const entry = process.argv[1];
  await runService({
    service: 'signal-bridge',
    env: takeEnvironment(process.env),
    build: (context) => buildSignalBridge(context, entry === undefined ? {} : { watchdog: { entry } }),
  });
}
