import { ExternalError } from '@papergate/config';
import type { Manifest } from '../../release/manifest.ts';
import { readAudit, verifyAudit } from '../audit.ts';
import { deliver } from '../deliver.ts';
import type { DeliverEvent } from '../events.ts';
import { readHistory } from '../history.ts';
import { openRun, readPlaceJournal } from '../journal.ts';
import type { DeliverOptions, DeliverOutcome, PlaceOptions, RestoreHooks } from '../options.ts';
import type { Place } from '../types.ts';
import { Bundle, type Fault } from './bundle.ts';
import { Deployer } from './deployer.ts';
import { Disk, simHost } from './files.ts';
import { simTarget } from './target.ts';
import { VirtualTime } from './time.ts';

export const PLACE_DIR = '/place';

/** A host with its disk, its containers and its database, and the deployers that come and go. */
export class SimWorld {
  readonly time = new VirtualTime();
  readonly disk = new Disk();
  readonly bundle = new Bundle(this.time);
  readonly deployers: Deployer[] = [];

  deployer(options: ConstructorParameters<typeof Deployer>[1] = {}): Deployer {
    const made = new Deployer(this.time, options);
    this.deployers.push(made);
    return made;
  }

  place(deployer: Deployer): Place {
    return {
      kind: 'compose',
      environment: 'staging',
      project: 'papergate-staging',
      host: simHost(this.disk, this.time, deployer),
      dir: PLACE_DIR,
    };
  }

  options(deployer: Deployer, extra: Partial<PlaceOptions> = {}): PlaceOptions {
    return {
      target: simTarget(this.bundle, this.place(deployer), deployer),
      actor: { user: 'ada', host: deployer.machine },
      command: `papergate deploy (${deployer.pid})`,
      clock: deployer.clock,
      restore: this.#restoreHooks(deployer),
      ...extra,
    };
  }

  moving(deployer: Deployer, extra: Partial<DeliverOptions> = {}): Omit<DeliverOptions, 'next'> {
    return {
      ...this.options(deployer),
      checkpoint: (_database, { manifest, reason }) =>
        deployer.operation(`checkpoint ${reason}`, () => {
          const target = extra.next ?? manifest;
          if (this.bundle.fault(target, 'checkpoint')) {
            throw new ExternalError({ code: 'SIM_FAULT', message: 'pg_dump: connection lost' });
          }
          const id = `cp-${this.bundle.checkpoints.size + 1}`;
          this.bundle.checkpoints.set(id, {
            ...this.bundle.database,
            takenAt: new Date(this.time.now).toISOString(),
          });
          const mismatch = this.bundle.fault(target, 'mismatch') !== undefined;
          return {
            id,
            checks: [
              {
                name: 'the restored database is the same',
                status: mismatch ? 'failed' : 'passed',
                ...(mismatch && { detail: 'orders: 7 of 8 rows' }),
              },
            ],
          };
        }),
      checkMigrations: () => Promise.resolve([]),
      ...extra,
    };
  }

  deliver(deployer: Deployer, next: Manifest, extra: Partial<DeliverOptions> = {}): Promise<DeliverOutcome> {
    return deliver({ ...this.moving(deployer, { ...extra, next }), next }, deployer.leaseWorld(this.deployers));
  }

  /** Delivers by a deployer to which nothing happens; time passes as it must. */
  async delivered(next: Manifest, extra: Partial<DeliverOptions> = {}): Promise<DeliverOutcome> {
    return this.time.run(this.deliver(this.deployer(), next, extra));
  }

  /** The same host once more, without its deployers: to see what else might have happened from here on. */
  copy(): SimWorld {
    const made = new SimWorld();
    made.time.now = this.time.now;
    for (const [path, { text, at }] of this.disk.files) made.disk.files.set(path, { text, at });
    made.bundle.take(this.bundle);
    return made;
  }

  break(manifest: Manifest, ...faults: Fault[]): void {
    this.bundle.faults.set(manifest.digest, faults);
  }

  #restoreHooks(deployer: Deployer): RestoreHooks {
    const { bundle } = this;
    const found = (id: string): { schema: string; rows: number; takenAt: string } => {
      const checkpoint = bundle.checkpoints.get(id);
      if (checkpoint === undefined) throw new Error(`no checkpoint ${id}`);
      return checkpoint;
    };
    return {
      plan: (_database, id) =>
        deployer.operation('restore plan', () => ({
          takenAt: found(id).takenAt,
          schemaVersion: found(id).schema,
          lost: [{ table: 'orders', rows: bundle.database.rows - found(id).rows }],
        })),
      apply: (_database, id, run) =>
        deployer.operation('restore', () => {
          if (!bundle.aside.has(run)) bundle.aside.set(run, { ...bundle.database });
          bundle.database = { schema: found(id).schema, rows: found(id).rows };
          return [{ name: 'the database is that of the checkpoint', status: 'passed' as const }];
        }),
      revert: (_database, _id, run) =>
        deployer.operation('restore undone', () => {
          const aside = bundle.aside.get(run);
          if (aside !== undefined) bundle.database = { ...aside };
        }),
    };
  }
}

/** Names of the steps that were begun, in order, as the events told them. */
export function stepsOf(events: readonly DeliverEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'step' && event.state === 'begin' ? [event.step] : []));
}

/**
 * What every end of a call has to leave behind, whatever came before: exactly one release whole and ready (undefined: nothing
 * running), on record as what the place is at, never two order writers, the audit chain whole, no run left open.
 * @throws Error naming what is not so
 */
export async function demandSound(world: SimWorld, wanted: Manifest | undefined): Promise<void> {
  const { bundle, time } = world;
  const wrong: string[] = [...bundle.violations];
  if (!bundle.isExactly(wanted)) wrong.push(`what runs is not exactly ${wanted?.commit.slice(0, 7) ?? 'nothing'}`);
  if (bundle.mostWriters > 1) wrong.push(`${bundle.mostWriters} order writers ran at once`);
  const place = world.place(world.deployer());
  const [verdict, history, journal, audit] = await time.run(
    Promise.all([verifyAudit(place), readHistory(place), readPlaceJournal(place), readAudit(place)]),
  );
  const delivered = audit.filter(({ outcome }) => outcome === 'delivered').map(({ detail }) => detail['run']);
  if (new Set(delivered).size !== delivered.length) wrong.push('a delivery is in the audit log twice');
  wrong.push(...verdict.problems.map(({ seq, what }) => `audit entry ${seq} ${what}`));
  if (history.current !== (wanted?.digest ?? null)) wrong.push(`the record says ${history.current ?? 'nothing'} runs`);
  const open = openRun(journal);
  if (open !== undefined) wrong.push(`run ${open.run} is still open`);
  if (wrong.length > 0) throw new Error(wrong.join('; '));
}
