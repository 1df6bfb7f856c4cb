import { ExternalError, UserError } from '@papergate/config';
import type { BadCase } from '../cases.ts';
import { HOUR, NOW } from '../world.ts';

const before = (hours: number): number => NOW - hours * HOUR;
const gap = (service: string, from: number, to: number) => ({ service, from: before(from), to: before(to) });

/** What Prometheus saw during the soak, and what it did not see. */
export const MONITORING_CASES: BadCase[] = [
  {
    title: 'a service was not scraped for six minutes',
    rule: 'monitoring',
    code: 'MONITORING_GAP',
    spoil: ({ bundle }) => void bundle.gaps.push(gap('market-data', 30, 29.9)),
  },
  {
    title: 'Prometheus began to watch an hour too late',
    rule: 'monitoring',
    code: 'MONITORING_GAP',
    spoil: ({ bundle }) => void bundle.gaps.push(gap('execution-engine', 60, 47)),
  },
  {
    title: 'Prometheus has seen nothing for ten minutes',
    rule: 'monitoring',
    code: 'MONITORING_GAP',
    spoil: ({ bundle }) => void bundle.gaps.push(gap('execution-engine', 10 / 60, -1)),
  },
  {
    title: 'Prometheus does not know a service',
    rule: 'monitoring',
    code: 'MONITORING_MISSING',
    also: ['error-log'],
    spoil: ({ bundle }) => void (bundle.services = ['market-data']),
  },
  {
    title: 'a critical alert fired for a minute two days ago',
    rule: 'alerts',
    code: 'ALERT_FIRED',
    spoil: ({ bundle }) =>
      void bundle.fired.push({ alertname: 'BreakerHalted', severity: 'critical', at: before(47.5) }),
  },
  {
    title: 'Prometheus has no critical alerts loaded',
    rule: 'alerts',
    code: 'ALERT_RULES_MISSING',
    spoil: ({ bundle }) => void (bundle.rules = []),
  },
  {
    title: 'an alert was made less than critical',
    rule: 'alerts',
    code: 'ALERT_RULES_MISSING',
    spoil: ({ bundle }) => void (bundle.rules = bundle.rules.map((rule) => ({ ...rule, severity: 'warning' }))),
  },
  {
    title: 'no alert is written down',
    rule: 'alerts',
    code: 'ALERT_RULES_MISSING',
    spoil: ({ files }) => void (files.criticalAlerts = []),
  },
  {
    title: 'Prometheus did not evaluate its rules for a while',
    rule: 'alerts',
    code: 'ALERTS_NOT_EVALUATED',
    spoil: ({ bundle }) => void bundle.unevaluated.push({ from: before(20), to: before(19) }),
  },
  {
    title: 'ten errors were logged within an hour',
    rule: 'error-log',
    code: 'ERROR_LOG_LOUD',
    spoil({ bundle }) {
      bundle.errors.push({ service: 'market-data', at: before(20), lines: 6 });
      bundle.errors.push({ service: 'execution-engine', at: before(19.1), lines: 4 });
    },
  },
  {
    title: 'ten errors were logged around a restart',
    rule: 'error-log',
    code: 'ERROR_LOG_LOUD',
    spoil({ bundle }) {
      bundle.errors.push({ service: 'market-data', at: before(20), lines: 7 });
      bundle.restarts.push({ service: 'market-data', at: before(19.8) });
      bundle.errors.push({ service: 'market-data', at: before(19.5), lines: 3 });
    },
  },
  {
    title: 'a service does not count its errors',
    rule: 'error-log',
    code: 'ERROR_LOG_MISSING',
    spoil: ({ bundle }) => void bundle.uncounted.push('market-data'),
  },
  {
    title: 'the counts are no numbers',
    rule: 'error-log',
    code: 'ERROR_LOG_UNREADABLE',
    spoil: ({ bundle }) => void bundle.errors.push({ service: 'market-data', at: before(20), lines: Number.NaN }),
  },
  {
    title: 'Prometheus does not answer',
    rule: 'alerts',
    code: 'PROMETHEUS_UNREACHABLE',
    also: ['clock', 'monitoring', 'error-log'],
    spoil: ({ bundle }) =>
      void (bundle.broken = new ExternalError({ code: 'PROMETHEUS_UNREACHABLE', message: 'it is away' })),
  },
  {
    title: 'Prometheus wants another token',
    rule: 'error-log',
    code: 'PROMETHEUS_UNAUTHORIZED',
    also: ['clock', 'monitoring', 'alerts'],
    spoil: ({ bundle }) =>
      void (bundle.broken = new UserError({ code: 'PROMETHEUS_UNAUTHORIZED', message: 'it answered 401' })),
  },
];
