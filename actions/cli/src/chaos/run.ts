import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '@papergate/config';
import { markBooks, readBooks } from './books.ts';
import { startClients, type Clients } from './clients.ts';
import { judge, type Finding } from './judge.ts';
import type { Blow, RunPlan, Victim } from './plan.ts';
import type { ServiceProcess } from './process.ts';
import type { Strike, World } from './world.ts';

export interface RunResult {
  run: number;
  acknowledged: number;
  refused: number;
  unanswered: number;
  /** Orders that the exchange had, and those that it refused a second time. */
  atExchange: number;
  repeatsRefused: number;
  /** Blows that were struck; a step that the engine did not come to in time is none. */
  struck: number;
  findings: Finding[];
  durationMs: number;
}

/** How long an engine may take to come to the step at which it is to die. */
const REACH_MS = 10_000;
/** How long the books have to agree once nothing disturbs any more. */
const SETTLE_MS = 180_000;
/** How long a writer that was stopped may live after it woke up. */
const FENCED_MS = 60_000;
/** Steps that an engine makes once, when it becomes the writer. */
const AT_START: ReadonlySet<string> = new Set(['writer.fenced', 'reconcile.begun', 'reconcile.compared']);
/** What execution-engine ends with where another has taken over. */
const REPLACED = 3;

/** One run: clients place orders, faults and blows fall, then everything is set right and the books are compared. */
export async function carryOut(plan: RunPlan, world: World): Promise<RunResult> {
  const startedAt = performance.now();
  const prefix = `c${plan.seed}x${plan.run}`;
  const mark = await markBooks(world);
  for (const fault of plan.faults) await world.exchange('POST', '/sim/faults', fault);
  const clients = startClients({
    url: () => world.url('execution-engine'),
    symbols: world.system.first.symbols,
    clients: plan.clients,
    prefix,
    seed: plan.seed + plan.run,
  });
  const findings: Finding[] = [];
  let struck = 0;
  try {
    for (const blow of plan.blows) if (await strike(blow, world, findings)) struck += 1;
    await delay(plan.tailMs);
  } finally {
    await clients.stop();
  }
  const books = await settle(world, { prefix, mark, clients });
  findings.push(...books.findings);
  const outcomes = [...clients.told.values()].map(({ outcome }) => outcome);
  return {
    run: plan.run,
    acknowledged: outcomes.filter((outcome) => outcome === 'acknowledged').length,
    refused: outcomes.filter((outcome) => outcome === 'refused').length,
    unanswered: outcomes.filter((outcome) => outcome === 'unanswered').length,
    atExchange: books.atExchange,
    repeatsRefused: books.repeatsRefused,
    struck,
    findings,
    durationMs: performance.now() - startedAt,
  };
}

async function strike(blow: Blow, world: World, findings: Finding[]): Promise<boolean> {
  switch (blow.kind) {
    case 'kill':
      await delay(blow.afterMs);
      await kill(blow.victim, world, blow.downMs);
      return true;
    case 'kill-at': {
      const engine = await arm(world, { at: blow.step, signal: 'SIGKILL', after: blow.after });
      const reached = await Promise.race([engine.exited.then(() => true), delay(REACH_MS, false, { ref: false })]);
      if (!reached) await world.kill('execution-engine');
      await delay(blow.downMs);
      await world.startEngine();
      await world.ready();
      return reached;
    }
    case 'stop': {
      await delay(blow.afterMs);
      const engine = world.process('execution-engine');
      engine?.signal('SIGSTOP');
      return replace(world, blow.heldMs, findings);
    }
    default:
      await arm(world, { at: blow.step, signal: 'SIGSTOP', after: blow.after });
      return replace(world, blow.heldMs, findings);
  }
}

/** Lets the engine strike itself. A step that it makes when it starts needs it to start again, under load. */
async function arm(world: World, strikeAt: NonNullable<Strike>): Promise<ServiceProcess> {
  const running = world.process('execution-engine');
  if (running !== undefined && !AT_START.has(strikeAt.at)) {
    running.send(JSON.stringify(strikeAt));
    return running;
  }
  await delay(50);
  await running?.kill();
  return world.startEngine(strikeAt);
}

async function kill(victim: Victim, world: World, downMs: number): Promise<void> {
  if (victim === 'postgresql') {
    await world.killDatabase();
    await delay(downMs);
    await world.startDatabase();
  } else {
    await world.kill(victim);
    await delay(downMs);
    if (victim === 'execution-engine') await world.startEngine();
    else await world.start(victim);
  }
  await raiseEngine(world);
  await world.ready();
}

/** An engine that ends because what it needs was killed is started again, as its supervisor would. */
async function raiseEngine(world: World): Promise<void> {
  await world.raise();
  if (world.process('execution-engine')?.running !== true) await world.startEngine();
}

/** The engine stands still: a second one takes its place, then the first wakes up, and must go. */
async function replace(world: World, heldMs: number, findings: Finding[]): Promise<boolean> {
  const old = world.process('execution-engine');
  if (old === undefined || !(await old.stopped(REACH_MS))) {
    await old?.kill();
    await world.startEngine();
    await world.ready();
    return false;
  }
  try {
    const successor = await world.startEngine(undefined, 'second');
    await world.ready();
    await delay(heldMs);
    old.signal('SIGCONT');
    const code = await Promise.race([old.exited, delay(FENCED_MS, 'alive' as const, { ref: false })]);
    if (code !== REPLACED) {
      const how = code === 'alive' ? 'still lives' : `ended with ${String(code)}`;
      findings.push({
        verdict: 'stale writer',
        message: `the writer that was replaced ${how}: ${old.log().slice(-500)}`,
      });
    }
    await successor.kill();
  } finally {
    await old.kill();
  }
  await world.startEngine();
  await world.ready();
  return true;
}

async function settle(
  world: World,
  { prefix, mark, clients }: { prefix: string; mark: Awaited<ReturnType<typeof markBooks>>; clients: Clients },
): Promise<{ findings: Finding[]; atExchange: number; repeatsRefused: number }> {
  await raiseEngine(world);
  await world.exchange('DELETE', '/sim/faults');
  await world.ready();
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    let findings: Finding[];
    let facts = { atExchange: 0, repeatsRefused: 0 };
    try {
      const books = await readBooks(world, { prefix, mark, told: clients.told });
      findings = judge(books);
      facts = {
        atExchange: books.ledger.filter(({ kind }) => kind === 'order').length,
        repeatsRefused: books.ledger.filter(({ kind }) => kind === 'refusal').length,
      };
    } catch (error) {
      findings = [{ verdict: 'unsettled', message: `the books cannot be read: ${messageOf(error)}` }];
    }
    if (findings.length === 0 || performance.now() > deadline) return { findings, ...facts };
    if (findings.some(({ verdict }) => verdict === 'unsettled')) await cancelResting(world, prefix);
    await delay(50);
  }
}

/** What clients left resting in the market when they stopped. */
async function cancelResting(world: World, prefix: string): Promise<void> {
  try {
    const response = await fetch(`${world.url('execution-engine')}/orders?status=open&limit=1000`);
    const { orders } = (await response.json()) as {
      orders: { order_id: string; client_order_id: string; type: string }[];
    };
    for (const order of orders) {
      if (order.type !== 'limit' || !order.client_order_id.startsWith(`${prefix}-`)) continue;
      await fetch(`${world.url('execution-engine')}/orders/${order.order_id}`, { method: 'DELETE' });
    }
  } catch {
    // Asked again with the next look at the books.
  }
}
