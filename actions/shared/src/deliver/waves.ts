import { EXIT, messageOf } from '@papergate/config';
import type { Manifest } from '../release/manifest.ts';
import { DeliverError, StepFailed } from './errors.ts';
import { INTAKE, ORDER_WRITER } from './place.ts';
import type { Session } from './session.ts';
import { bounded, takeSteps } from './step.ts';
import type { DeliveryTarget, Observed, ObservedService, ProbeResult } from './types.ts';

/** The target's services in the groups in which they start, as far as they are wanted. */
export function wavesOf(target: DeliveryTarget, wanted: ReadonlySet<string>): string[][] {
  const waves = target.waves ?? target.order.map((service) => [service]);
  return waves.map((wave) => wave.filter((service) => wanted.has(service))).filter((wave) => wave.length > 0);
}

/** Drains and stops services, in reverse of their order; returns when all of them are seen to be gone. */
export async function stopServices(
  session: Session,
  run: string,
  services: ReadonlySet<string>,
  prefix: '' | 'undo:' = '',
): Promise<void> {
  const { target, patience, fence } = session;
  for (const wave of wavesOf(target, services).toReversed()) {
    if (prefix === '') noteStop(session, wave);
    const names = wave.map((service) => ({ step: `${prefix}stop:${service}`, service }));
    await takeSteps(session, { run, steps: names }, () =>
      bounded(session, { step: names.map(({ step }) => step).join(', '), limitMs: patience.stopMs }, () =>
        target.stop(wave, fence),
      ),
    );
  }
}

function noteStop({ touched, intake, clock }: Session, wave: readonly string[]): void {
  for (const service of wave) touched.add(service);
  if (wave.some((service) => INTAKE.includes(service))) intake.awayFrom ??= clock.monotonic();
}

/**
 * Makes sure that nothing of these services runs any more. The order writer above all: a second one beside it could
 * send an order twice.
 * @throws StepFailed STILL_RUNNING
 */
export async function demandGone(session: Session, services: ReadonlySet<string>, step: string): Promise<Observed> {
  const observed = await session.target.observe();
  const there = observed.services.filter(({ service, state }) => state === 'running' && services.has(service));
  const worst = there.find(({ service }) => service === ORDER_WRITER) ?? there[0];
  if (worst === undefined) return observed;
  throw new StepFailed(
    step,
    new DeliverError({
      code: 'STILL_RUNNING',
      exitCode: EXIT.external,
      message: `${there.map(({ service }) => service).join(', ')} still ran after being stopped; nothing is started beside it`,
      fix: 'something else starts it again (a restart policy, a person): find it, then deploy again',
    }),
    { service: worst.service },
  );
}

/** Starts services in order; a group starts when the group before it is ready. The deadline is for all of them. */
export async function startServices(
  session: Session,
  run: string,
  manifest: Manifest,
  services: ReadonlySet<string>,
  prefix: '' | 'undo:' = '',
): Promise<void> {
  const { target, patience, fence, clock } = session;
  const limitMs = prefix === '' ? patience.readyMs : patience.backReadyMs;
  const deadline = clock.monotonic() + limitMs;
  const started: string[] = [];
  for (const wave of wavesOf(target, services)) {
    if (prefix === '') for (const service of wave) session.touched.add(service);
    const names = wave.map((service) => ({ step: `${prefix}start:${service}`, service }));
    await takeSteps(session, { run, steps: names }, async () => {
      await bounded(
        session,
        { step: names.map(({ step }) => step).join(', '), limitMs: Math.max(1, deadline - clock.monotonic()) },
        () => allOf(wave, (service) => target.start(manifest, service, fence), prefix),
      );
      started.push(...wave);
      await allReady(session, manifest, { wave, started, deadline, limitMs }, prefix);
    });
    if (wave.some((service) => INTAKE.includes(service))) session.intake.backAt = clock.monotonic();
  }
}

/** Waits for all, so that nothing goes on behind our back, and throws the first failure with its service. */
async function allOf(wave: readonly string[], act: (service: string) => Promise<void>, prefix: string): Promise<void> {
  const failures: StepFailed[] = [];
  await Promise.all(
    wave.map((service) =>
      act(service).catch((error: unknown) => {
        failures.push(
          error instanceof StepFailed ? error : new StepFailed(`${prefix}start:${service}`, error, { service }),
        );
      }),
    ),
  );
  if (failures[0] !== undefined) throw failures[0];
}

/** How often a service that is ready is looked at while others are not, ms. */
const WATCH_EVERY_MS = 500;
/** The same for groups that were ready before: each look costs a process, beside services that are starting. */
const LOOK_BACK_EVERY_MS = 2_000;

interface Wave {
  wave: readonly string[];
  /** The group's and those of the groups before it. */
  started: readonly string[];
  deadline: number;
  limitMs: number;
}

/**
 * Waits until a group is ready, and watches what was ready before until then: one that answers and dies is the cause,
 * and what waits for it only the effect.
 */
async function allReady(
  session: Session,
  manifest: Manifest,
  { wave, started, deadline, limitMs }: Wave,
  prefix: string,
): Promise<void> {
  const given = new AbortController();
  const waiting: Waiting = {
    deadline,
    limitMs,
    given: given.signal,
    wave: new Set(wave),
    awaited: new Set(wave),
    last: new Map(started.map((service) => [service, NOT_ASKED])),
  };
  await allOf(
    started,
    (service) =>
      ready(session, manifest, service, waiting).catch((error: unknown) => {
        // The others need not be waited for any more.
        given.abort();
        throw error;
      }),
    prefix,
  );
}

interface Waiting {
  deadline: number;
  limitMs: number;
  given: AbortSignal;
  wave: ReadonlySet<string>;
  /** Those that were not ready when they were asked last. */
  awaited: Set<string>;
  last: Map<string, ProbeResult>;
}

const NOT_ASKED: ProbeResult = { ready: false, detail: 'it was not asked' };

async function ready(session: Session, manifest: Manifest, service: string, waiting: Waiting): Promise<void> {
  const { target, clock, patience, lease } = session;
  const { deadline, limitMs, given, wave, awaited, last } = waiting;
  const everyMs = wave.has(service) ? WATCH_EVERY_MS : LOOK_BACK_EVERY_MS;
  let watchedAt = wave.has(service) ? -Infinity : clock.monotonic();
  for (;;) {
    if (!awaited.has(service) && (awaited.size === 0 || given.aborted || lease.lost.aborted)) return;
    if (!awaited.has(service) && clock.monotonic() - watchedAt < everyMs) {
      await clock.sleep(patience.probeEveryMs);
      continue;
    }
    const answer = await probe(
      session,
      manifest,
      service,
      last.get(service) ?? NOT_ASKED,
      Math.max(1, deadline - clock.monotonic()),
    );
    last.set(service, answer);
    watchedAt = clock.monotonic();
    if (answer.ready) {
      awaited.delete(service);
      continue;
    }
    awaited.add(service);
    if (answer.final === true) throw notReady(service, answer, limitMs, target.order.length);
    if (clock.monotonic() >= deadline) throw late(waiting, target.order);
    if (given.aborted || lease.lost.aborted) return;
    await clock.sleep(patience.probeEveryMs);
  }
}

/** The time is over: the first in order that is not ready is named, since those after it may wait for it. */
function late({ awaited, last, limitMs }: Waiting, order: readonly string[]): StepFailed {
  const service = order.find((each) => awaited.has(each)) ?? [...awaited][0] ?? '';
  return notReady(service, last.get(service) ?? NOT_ASKED, limitMs, order.length);
}

async function probe(
  session: Session,
  manifest: Manifest,
  service: string,
  before: ProbeResult,
  limitMs: number,
): Promise<ProbeResult> {
  try {
    return await bounded(session, { step: `the probe of ${service}`, limitMs }, () =>
      session.target.probe(manifest, service),
    );
  } catch (error) {
    if (session.lease.lost.aborted) throw error;
    return { ready: false, detail: before === NOT_ASKED ? messageOf(error) : before.detail };
  }
}

function notReady(service: string, { detail, final }: ProbeResult, readyMs: number, services: number): StepFailed {
  const when =
    final === true ? 'cannot become ready' : `was not ready within ${readyMs / 1000} s for all ${services} services`;
  return new StepFailed(
    `start:${service}`,
    new DeliverError({
      code: 'NOT_READY',
      exitCode: EXIT.blocked,
      message: `${service} ${when}: ${detail}`,
      fix: `read its last lines below, mend the release and deploy again`,
    }),
    { service, probe: detail },
  );
}

/** How what runs differs from a manifest, in words; empty where it is exactly that, ready, and (where asked) never restarted. */
export function differences(
  observed: Observed,
  manifest: Manifest,
  order: readonly string[],
  { steady = false }: { steady?: boolean } = {},
): { service: string; what: string }[] {
  return order
    .flatMap((service) => {
      const what = differenceOf(
        observed.services.find((seen) => seen.service === service),
        digestOf(manifest, service),
        steady,
      );
      return what === undefined ? [] : [{ service, what }];
    })
    .concat(
      observed.manifestDigest === manifest.digest
        ? []
        : [
            {
              service: 'the bundle',
              what: `carries ${observed.manifestDigest ?? 'no one manifest'} instead of ${manifest.digest}`,
            },
          ],
    );
}

function differenceOf(
  seen: ObservedService | undefined,
  wanted: string | undefined,
  steady: boolean,
): string | undefined {
  if (seen === undefined || seen.state === 'absent') return 'is not there';
  if (seen.state !== 'running') return `is stopped${seen.detail === undefined ? '' : `: ${seen.detail}`}`;
  if (wanted !== undefined && seen.digest !== wanted)
    return `runs ${seen.digest ?? 'something unknown'} instead of ${wanted}`;
  if (!seen.ready) return `is not ready${seen.detail === undefined ? '' : `: ${seen.detail}`}`;
  if (steady && seen.restarts > 0) return `ended and was started again ${seen.restarts} times`;
  return undefined;
}

/** What runs of a service, by digest: its image where there are images, its files where there are none. */
export const digestOf = (manifest: Manifest, service: string): string | undefined =>
  manifest.images?.[service]?.digest ?? manifest.services[service]?.digest;

/** Looks until what runs is exactly the manifest, or the time is over. */
export async function demandExactly(
  session: Session,
  manifest: Manifest,
  { step, limitMs, steady = false }: { step: string; limitMs: number; steady?: boolean },
): Promise<void> {
  const { target, clock, patience } = session;
  const deadline = clock.monotonic() + limitMs;
  for (;;) {
    const [first, ...others] = differences(await target.observe(), manifest, target.order, { steady });
    if (first === undefined) return;
    if (clock.monotonic() >= deadline || session.lease.lost.aborted) {
      const all = [first, ...others].map(({ service, what }) => `${service} ${what}`).join('; ');
      throw new StepFailed(
        step,
        new DeliverError({
          code: 'NOT_AS_WANTED',
          exitCode: EXIT.blocked,
          message: `what runs is not the manifest ${manifest.digest}: ${all}`,
          fix: 'read the logs of what is named',
        }),
        { service: target.order.includes(first.service) ? first.service : undefined, probe: first.what },
      );
    }
    await clock.sleep(patience.probeEveryMs * 4);
  }
}
