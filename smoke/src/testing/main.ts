/** `node smoke/src/testing/main.ts`: the bundle's double on a free port, until stdin closes. Prints its URLs as JSON. */
import { startBundleDouble } from './double.ts';

const bundle = await startBundleDouble();
process.stdout.write(`${JSON.stringify({ ...bundle.targets.services, 'paper-exchange': bundle.targets.exchange })}\n`);
process.stdin.resume();
process.stdin.once('end', () => void bundle.close());
