import { standIn, wordsOf, type StandInFault } from '../testing/stand-in.ts';
import type { ThinChange } from '../testing/thin-image.ts';
import type { Broken } from './types.ts';

/** What replaces a service's program in its image. */
export const program = (service: string, text: string): ThinChange => ({
  files: { [`/app/services/${service}/src/main.js`]: text },
});

const faulty = (service: string, fault: StandInFault): Broken['make'] => {
  return (kit) => kit.release({ images: { [service]: program(service, standIn(service, fault)) } });
};
const words = (service: string, fault: StandInFault): RegExp => new RegExp(wordsOf(service, fault));

const UNDONE = { ends: 'undone', exitCode: 1 } as const;
/** Longer than a good service needs on a busy machine, and shorter than the 120 s of a real deploy. */
const READY = { patience: { readyMs: 15_000 } } as const;

/** Releases of which one service is broken. */
export const BROKEN_SERVICES: Broken[] = [
  {
    ...UNDONE,
    title: 'a service that ends as soon as it starts',
    make: faulty('signal-bridge', 'exits'),
    step: /^start:signal-bridge$/,
    service: 'signal-bridge',
    says: words('signal-bridge', 'exits'),
  },
  {
    ...UNDONE,
    title: 'a service that starts, answers and dies',
    make: faulty('market-data', 'dies-early'),
    step: /^start:/,
    service: 'market-data',
    says: words('market-data', 'dies-early'),
  },
  {
    ...UNDONE,
    title: 'a service that refuses its configuration with exit code 2',
    make: faulty('risk-manager', 'refuses'),
    step: /^start:risk-manager$/,
    service: 'risk-manager',
    says: words('risk-manager', 'refuses'),
  },
  {
    ...UNDONE,
    ...READY,
    title: 'a service that is never ready, and says why',
    make: faulty('observability-api', 'never-ready'),
    step: /^start:observability-api$/,
    service: 'observability-api',
    says: words('observability-api', 'never-ready'),
  },
  {
    ...UNDONE,
    title: 'a service that is ready too late',
    make: (kit) => kit.release({ images: { dashboard: program('dashboard', standIn('dashboard', 'slow', 300_000)) } }),
    patience: { readyMs: 15_000 },
    step: /^start:dashboard$/,
    service: 'dashboard',
    says: words('dashboard', 'slow'),
  },
  {
    ...UNDONE,
    patience: { readyMs: 15_000 },
    title: 'a service that never listens and does not react to SIGTERM',
    make: faulty('dashboard', 'hangs'),
    step: /^start:dashboard$/,
    service: 'dashboard',
    says: words('dashboard', 'hangs'),
  },
  {
    ...UNDONE,
    patience: { readyMs: 15_000 },
    title: 'a service whose health endpoint answers 500',
    make: faulty('orchestrator', 'health-500'),
    step: /^start:orchestrator$/,
    service: 'orchestrator',
    says: /500/,
  },
  {
    ...UNDONE,
    title: 'a service that needs more memory than it may have',
    make: faulty('dashboard', 'memory'),
    step: /^start:dashboard$/,
    service: 'dashboard',
    says: /137|memory|OOM/i,
  },
  {
    ...UNDONE,
    title: 'a service that is ready and then crashes, again and again',
    make: faulty('signal-bridge', 'crash-loop'),
    step: /^(start:|smoke$)/,
    service: 'signal-bridge',
    says: words('signal-bridge', 'crash-loop'),
  },
  {
    ...UNDONE,
    patience: { readyMs: 15_000 },
    title: 'a service that answers for another release',
    make: faulty('dashboard', 'foreign'),
    step: /^start:dashboard$/,
    service: 'dashboard',
    says: /ffffffffffff/,
  },
  {
    ...UNDONE,
    title: 'a service of which a module is missing',
    make: faulty('execution-engine', 'missing-module'),
    step: /^start:execution-engine$/,
    service: 'execution-engine',
    says: /gone\.js/,
  },
  {
    ...UNDONE,
    title: 'an image without the entry file that it names',
    make: (kit) =>
      kit.release({
        images: { dashboard: { change: ['ENTRYPOINT ["node", "services/dashboard/src/gone.js"]', 'CMD []'] } },
      }),
    step: /^start:dashboard$/,
    service: 'dashboard',
    says: /gone\.js/,
  },
  {
    title: 'an image whose program is not there at all',
    make: (kit) =>
      kit.release({ images: { dashboard: { change: ['ENTRYPOINT ["/usr/bin/no-such-program"]', 'CMD []'] } } }),
    ends: 'undone',
    exitCode: 1,
    step: /^start:dashboard$/,
    service: 'dashboard',
    says: /no-such-program/,
  },
  {
    ...UNDONE,
    title: 'an image whose program is no program of this machine',
    make: (kit) =>
      kit.release({
        images: { 'signal-bridge': { files: { '/usr/local/bin/node': 'this is for another machine\n' }, mode: 0o755 } },
      }),
    step: /^start:signal-bridge$/,
    service: 'signal-bridge',
    says: /exec format error|exited/i,
  },
  {
    ...UNDONE,
    title: 'a bundle that comes up and tells wrong fills, which only its smoke test sees',
    make: (kit) =>
      kit.release({
        images: {
          orchestrator: {
            files: { '/app/lying.mjs': LYING },
            change: ['ENTRYPOINT ["node", "--import", "/app/lying.mjs"]', 'CMD ["main.js"]'],
          },
        },
      }),
    step: /^smoke$/,
    says: /order: filled/,
  },
  {
    ...UNDONE,
    title: 'a smoke test that does not come to its end',
    make: (kit) =>
      kit.release({ images: { orchestrator: { files: { '/app/smoke/src/main.js': 'process.exit(3);\n' } } } }),
    step: /^smoke$/,
    says: /smoke/,
  },
];

/** A look at the orchestrator's answers before they go out: of every order it says that another quantity was filled. */
const LYING = `
import { ServerResponse } from 'node:http';
const end = ServerResponse.prototype.end;
ServerResponse.prototype.end = function (body, ...rest) {
  // As long as before: the length has been told already.
  const wrong = typeof body !== 'string' ? body : body.replaceAll(/(?<="filled_quantity":")[1-9]/g, '9');
  return end.call(this, wrong, ...rest);
};
`;
