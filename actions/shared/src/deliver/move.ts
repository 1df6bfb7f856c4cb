import { EXIT, ExternalError, messageOf } from '@papergate/config';
import type { Check, StageResult } from '../evidence/index.ts';
import type { Manifest } from '../release/manifest.ts';
import { recordRelease } from './commit.ts';
import { advise, diagnosisOf, findOut, nameOf, nextCommand, type Diagnosis } from './diagnosis.ts';
import { DeliverError, demand, exitCodeOf, codeOf, wordsOf } from './errors.ts';
import type { GoodRelease, History } from './history.ts';
import type {
  DataLoss,
  DeliverOptions,
  DeliverOutcome,
  DeliverStatus,
  MigrationRequest,
  RollbackOptions,
} from './options.ts';
import { audit, newRun, tolerate, type Session } from './session.ts';
import { refuseInterrupted, takeStep } from './step.ts';
import type { DatabaseAccess, PruneResult } from './types.ts';
import { restoreHooks, tidy, undo, undoneWords } from './undo.ts';
import { demandExactly, demandGone, startServices, stopServices } from './waves.ts';

/** One move of a place from a manifest to another. */
export interface Move {
  action: 'deploy' | 'rollback';
  options: Pick<DeliverOptions | RollbackOptions, 'requireSignature' | 'checkpoint' | 'smoke'>;
  from: Manifest | undefined;
  to: Manifest;
  history: History;
  /** Of a deploy: refuses what a kept release could not live with. */
  checkMigrations?: (request: MigrationRequest) => Promise<Check[]>;
  /** Of a rollback: the checkpoint that the database goes back to. */
  restoreDb?: string;
  /** What runs now is a good release no more. */
  condemn?: boolean;
  /** Also where it runs already. */
  restart?: boolean;
}

/** What a move has come to know. */
interface Gathered {
  checks: Check[];
  checkpoint?: string;
  migrations: string[];
  schema: string;
  lost: DataLoss[];
  smoke?: StageResult;
  restoring: boolean;
  prepared: boolean;
  founded: boolean;
  committed: boolean;
}

/** Moves the place, or leaves it as it was; what it returns is what is so, looked at and not assumed. */
export async function move(session: Session, plan: Move): Promise<DeliverOutcome> {
  const { action, from, to } = plan;
  const run = newRun(session);
  session.touched.clear();
  const got: Gathered = {
    checks: [],
    migrations: [],
    schema: schemaOf(plan),
    lost: [],
    restoring: false,
    prepared: false,
    founded: false,
    committed: false,
  };
  await session.journal.begin(run, [action], {
    from: from ?? null,
    to,
    actor: { ...session.options.actor },
    command: session.options.command,
    ...(plan.restoreDb === undefined ? {} : { restore: plan.restoreDb }),
  });
  session.emit({ type: 'run', run, action, generation: session.lease.generation });
  try {
    await beforeTheStop(session, run, plan, got);
    await swap(session, run, plan, got);
    return await accept(session, run, plan, got);
  } catch (error) {
    if (session.lease.lost.aborted) throw error;
    if (got.committed) throw commitUnfinished(session, to, error);
    return await giveUp(session, run, plan, got, error);
  }
}

// The line that decides is in the journal: the next call finishes what is missing.
function commitUnfinished(session: Session, to: Manifest, cause: unknown): ExternalError {
  return new ExternalError({
    code: 'COMMIT_UNFINISHED',
    message: `release ${nameOf(to)} runs and is accepted, but the record of it could not be finished: ${session.redactor.clean(messageOf(cause))}`,
    fix: `${advise(session, 'recover')} finishes it, and so does the next deploy`,
  });
}

/** Schema that the database has once this is delivered: that of the newest release which ever migrated it. */
function schemaOf({ action, to, from, history }: Move): string {
  const known = history.releases.find(({ manifest }) => manifest.digest === from?.digest)?.schema_version;
  return action === 'deploy' ? to.schema_version : (known ?? from?.schema_version ?? to.schema_version);
}

async function beforeTheStop(session: Session, run: string, plan: Move, got: Gathered): Promise<void> {
  const { target, patience, fence } = session;
  const { to } = plan;
  const early = { run, interruptible: true };
  const told =
    (step: string) =>
    (progress: { message: string; fraction?: number }): void =>
      session.emit({ type: 'progress', step, ...progress, message: session.redactor.clean(progress.message) });

  await takeStep(session, { ...early, step: 'verify', limitMs: patience.verifyMs }, async (signal) => {
    got.checks.push(...((await plan.options.requireSignature?.(to)) ?? []));
    demand(got.checks, 'the release is not signed as it has to be');
    got.checks.push(...(await migrationChecks(plan)), ...(await target.verify(to, signal)));
    demand(got.checks, `release ${nameOf(to)} cannot be deployed here`);
  });
  got.founded = true;
  await takeStep(session, { ...early, step: 'infrastructure', limitMs: patience.infrastructureMs }, (signal) =>
    target.ensureInfrastructure(to, fence, told('infrastructure'), signal),
  );
  got.prepared = true;
  await takeStep(session, { ...early, step: 'prepare', limitMs: patience.prepareMs }, (signal) =>
    target.prepare(to, fence, told('prepare'), signal),
  );
  // A plain rollback changes nothing in the database, and is wanted quickly.
  if (plan.action === 'deploy' || plan.restoreDb !== undefined) {
    await takeStep(session, { ...early, step: 'checkpoint', limitMs: patience.checkpointMs }, (signal) =>
      takeCheckpoint(session, plan, got, { signal, told: (message) => told('checkpoint')({ message }) }),
    );
  }
  if (plan.action === 'deploy') {
    await takeStep(session, { ...early, step: 'migrate', limitMs: patience.migrateMs }, async (signal) => {
      got.migrations.push(...(await target.migrate(to, fence, signal)).applied);
    });
  }
  refuseInterrupted(session);
}

async function migrationChecks({ history, to, checkMigrations }: Move): Promise<Check[]> {
  const current = history.releases[0]?.schema_version;
  return (await checkMigrations?.({ current, next: to, kept: history.releases })) ?? [];
}

async function takeCheckpoint(
  session: Session,
  { options, action, from, to }: Move,
  got: Gathered,
  { signal, told }: { signal: AbortSignal; told: (message: string) => void },
): Promise<void> {
  await withDatabase(session, async (database) => {
    const taken = await options.checkpoint(database, {
      manifest: from ?? to,
      reason: `before ${action} of ${to.commit.slice(0, 12)}`,
      onProgress: told,
      signal,
    });
    got.checkpoint = taken.id;
    got.checks.push(...taken.checks);
    demand(taken.checks, 'the database cannot be brought back from its own checkpoint');
  });
}

async function withDatabase<T>(session: Session, act: (database: DatabaseAccess) => Promise<T>): Promise<T> {
  const database = await session.target.database();
  try {
    return await act(database);
  } finally {
    await database.close();
  }
}

/** From here on an interruption is undone. */
async function swap(session: Session, run: string, plan: Move, got: Gathered): Promise<void> {
  const { target } = session;
  const all = new Set(target.order);
  if (plan.from !== undefined) await stopServices(session, run, all);
  await demandGone(session, all, 'stop');
  if (plan.restoreDb !== undefined) await restore(session, run, plan.restoreDb, plan.to, got);
  await startServices(session, run, plan.to, all);
}

async function restore(session: Session, run: string, id: string, to: Manifest, got: Gathered): Promise<void> {
  const { patience, target, fence } = session;
  const hooks = restoreHooks(session.options.restore, id);
  got.restoring = true;
  const schema = await takeStep(
    session,
    { run, step: 'restore', limitMs: patience.checkpointMs, detail: { checkpoint: id } },
    () =>
      withDatabase(session, async (database) => {
        const { schemaVersion, lost } = await hooks.plan(database, id);
        const checks = await hooks.apply(database, id, run);
        got.lost = lost;
        got.checks.push(...checks);
        demand(checks, `the database could not be set to checkpoint ${id}`);
        return schemaVersion;
      }),
  );
  // Names of migrations begin with their number.
  got.schema = schema > to.schema_version ? schema : to.schema_version;
  if (schema >= to.schema_version) return;
  await takeStep(session, { run, step: 'migrate', limitMs: patience.migrateMs }, async (signal) => {
    got.migrations.push(...(await target.migrate(to, fence, signal)).applied);
  });
}

async function accept(session: Session, run: string, plan: Move, got: Gathered): Promise<DeliverOutcome> {
  const { patience, target } = session;
  const { to, from, action } = plan;
  const exactly = { step: 'smoke', limitMs: 5_000, steady: true };
  await takeStep(session, { run, step: 'smoke', limitMs: patience.smokeMs, interruptible: true }, async (signal) => {
    await demandExactly(session, to, exactly);
    if (plan.options.smoke === false) return;
    got.smoke = await target.smoke(
      to,
      (progress) => session.emit({ type: 'progress', step: 'smoke', ...session.redactor.cleanAll(progress) }),
      signal,
    );
    demandSmoke(got.smoke);
    // One that passed the test and then died is not what was tested.
    await demandExactly(session, to, exactly);
  });
  refuseInterrupted(session);
  const release: GoodRelease = {
    manifest: to,
    delivered_at: session.at().toISOString(),
    how: action,
    run,
    schema_version: got.schema,
    ...(got.checkpoint === undefined ? {} : { checkpoint: got.checkpoint }),
  };
  const condemned = plan.condemn === true && from?.digest !== to.digest ? from?.digest : undefined;
  await session.journal.begin(run, ['commit'], { release, ...(condemned !== undefined && { condemned }) });
  got.committed = true;
  session.emit({ type: 'step', step: 'commit', state: 'begin' });
  const began = session.clock.monotonic();
  const { history, head } = await recordRelease(session, { run, action, from, release, condemned });
  session.journal.done(run, 'commit', { audit: head });
  const ms = Math.round(session.clock.monotonic() - began);
  session.timings.push({ step: 'commit', ms });
  session.emit({ type: 'step', step: 'commit', state: 'done', ms });
  const pruned = await tolerate(session, 'old releases could not be removed', () => tidy(session, run, history, to));
  await session.journal.end(run, action, 'done', { outcome: 'delivered', audit: head });
  return outcome(session, run, plan, got, { status: 'delivered', exitCode: EXIT.ok, ...(pruned && { pruned }) });
}

function demandSmoke(smoke: StageResult): void {
  if (smoke.status === 'passed') return;
  const failed = smoke.checks.filter(({ status }) => status === 'failed');
  const words = failed.map(({ name, observed, detail }) => {
    const found = observed ?? detail;
    return found === undefined ? name : `${name}: ${found}`;
  });
  throw new DeliverError({
    code: 'SMOKE_FAILED',
    exitCode: EXIT.blocked,
    message: `the smoke test said no: ${words.length === 0 ? 'it did not come to its end' : words.join('; ')}`,
    fix: 'mend what it names and deploy again',
  });
}

async function giveUp(
  session: Session,
  run: string,
  plan: Move,
  got: Gathered,
  error: unknown,
): Promise<DeliverOutcome> {
  const { action, from, to, history } = plan;
  const findings = await findOut(session, error, to);
  const reason = session.redactor.clean(wordsOf(error));
  const stopped = session.touched.size > 0;
  let status: DeliverStatus = 'failed';
  let rolledBack = 'nothing that ran was touched';
  let failure: unknown;
  if (stopped || (from === undefined && got.founded)) {
    session.emit({ type: 'undo', reason });
    try {
      const restored = got.restoring ? plan.restoreDb : undefined;
      await undo(session, { run, from, touched: session.touched, restored });
      rolledBack = undoneWords(session.target, from);
      status = stopped ? 'undone' : 'failed';
    } catch (undoError) {
      if (session.lease.lost.aborted) throw undoError;
      status = 'undo-failed';
      failure = undoError;
      rolledBack = `NOT rolled back: ${wordsOf(undoError)}. ${await whatIsWhere(session)}`;
    }
  }
  if (got.migrations.length > 0) {
    rolledBack += `; the database keeps ${got.migrations.join(', ')}, which the release before can live with`;
  }
  let pruned: PruneResult | undefined;
  if (status !== 'undo-failed' && got.prepared) {
    pruned = await tolerate(session, 'what was prepared could not be removed', () => tidy(session, run, history, from));
  }
  await tolerate(session, 'the record of it could not be written', async () => {
    const head = await audit(session, action, status, {
      from,
      to,
      detail: {
        run,
        step: findings.step,
        code: codeOf(error),
        reason,
        service: findings.service,
        undo: failure === undefined ? undefined : wordsOf(failure),
      },
    });
    // Without this line the run counts as cut off, and the next call tries to undo it again.
    if (status !== 'undo-failed') {
      await session.journal.end(run, action, 'failed', { outcome: status, audit: head, reason: messageOf(error) });
    }
  });
  const next =
    status === 'undo-failed'
      ? `try: ${advise(session, 'recover')}; if that fails too: ${advise(session, 'stop')} (keeps the data) and deploy a good release`
      : nextCommand(session, findings);
  const diagnosis: Diagnosis = diagnosisOf(session, error, findings, { rolledBack, next });
  return outcome(session, run, plan, got, {
    status,
    exitCode: status === 'undo-failed' ? EXIT.external : exitCodeOf(error),
    diagnosis,
    interrupted: codeOf(error) === 'INTERRUPTED',
    ...(pruned && { pruned }),
  });
}

/** What runs of which digest, for somebody who has to put it right by hand. */
export async function whatIsWhere(session: Session): Promise<string> {
  try {
    const { services } = await session.target.observe();
    const words = services.map(
      ({ service, state, ready, digest }) =>
        `${service} ${state === 'running' ? (ready ? 'ready' : 'running, not ready') : state}${digest === undefined ? '' : ` (${digest.slice(0, 19)})`}`,
    );
    return `At present: ${words.join(', ')}`;
  } catch (error) {
    return `What runs cannot be seen: ${messageOf(error)}`;
  }
}

function outcome(
  session: Session,
  run: string,
  { action, from, to }: Move,
  got: Gathered,
  rest: Pick<DeliverOutcome, 'status' | 'exitCode'> & Partial<DeliverOutcome>,
): DeliverOutcome {
  const { redactor, intake } = session;
  const { awayFrom, backAt } = intake;
  const away = awayFrom !== undefined && backAt !== undefined && from !== undefined && rest.status === 'delivered';
  return {
    action,
    run,
    generation: session.lease.generation,
    from,
    to,
    interrupted: false,
    checks: redactor.cleanAll(got.checks),
    ...(got.checkpoint === undefined ? {} : { checkpoint: got.checkpoint }),
    migrations: got.migrations,
    ...(got.smoke === undefined ? {} : { smoke: redactor.cleanAll(got.smoke) }),
    timings: session.timings,
    ...(away ? { intakeAwayMs: Math.round(backAt - awayFrom) } : {}),
    warnings: session.warnings,
    ...rest,
  };
}
