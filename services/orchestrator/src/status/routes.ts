import { SERVICE_NAMES, tradingMode, type RuntimeEnv, type ServiceName } from '@papergate/config';
import type { Readiness, ServiceApp } from '@papergate/service-kit';
import type { StateWatch } from '../breaker/state.ts';
import { overallStatus } from './overall.ts';
import type { ServiceStatus, StatusPoller } from './poller.ts';

export interface StatusRoutes {
  poller: StatusPoller;
  watch: StateWatch;
  readiness: Readiness;
  env: RuntimeEnv;
  url: string;
  now?: () => number;
}

/** A request may reuse a round of questions that is this fresh. */
const FRESH_MS = 250;

/** `GET /api/v1/orchestration/status`: the whole bundle at one look. Always 200: the state is the body's. */
export function statusRoutes(app: ServiceApp, routes: StatusRoutes): void {
  const { poller, watch, readiness, env, now = Date.now } = routes;
  const startedAt = now();

  app.get('/api/v1/orchestration/status', async () => {
    const [own] = await Promise.all([readiness.report(), poller.refresh(FRESH_MS)]);
    const orchestrator: ServiceStatus = {
      url: routes.url,
      alive: true,
      ready: own.ready,
      latency_ms: 0,
      release: env.releaseSha,
      uptime_seconds: Math.floor((now() - startedAt) / 1000),
      checks: own.checks,
      problem: own.ready ? null : 'not ready',
      checked_at: new Date(now()).toISOString(),
    };
    const releases = new Set([
      env.releaseSha,
      ...[...poller.services.values()].flatMap(({ release }) => release ?? []),
    ]);
    return {
      overall: overallStatus(poller.services),
      environment: env.environment,
      trading_mode: tradingMode(env),
      dry_run: env.dryRun,
      alpaca_paper: env.alpacaPaper,
      release: { sha: env.releaseSha, uniform: releases.size === 1 },
      trading: watch.current(),
      services: inOrder(new Map([...poller.services, ['orchestrator', orchestrator]])),
      as_of: new Date(now()).toISOString(),
    };
  });
}

/** The order in which a deploy starts them, whoever answered first. */
function inOrder(services: ReadonlyMap<ServiceName, ServiceStatus>): Record<string, ServiceStatus> {
  return Object.fromEntries(
    SERVICE_NAMES.flatMap((name) => {
      const status = services.get(name);
      return status === undefined ? [] : [[name, status] as const];
    }),
  );
}
