import { gapsIn, minute } from '../prometheus/series.ts';
import type { Range } from '../prometheus/client.ts';
import type { GateContext, Problem, Rule } from '../types.ts';
import { judgement, MINUTE } from './judgement.ts';
import { watched } from './watch.ts';

/** Rules are evaluated every few seconds; so long without it is a hole. */
const LONGEST_HOLE = 5 * MINUTE;

/** No alert that wakes somebody fired, and those that could have were really asked. */
export const alerts: Rule<'alerts'> = {
  name: 'alerts',
  title: 'no critical alert',
  source: 'Prometheus',
  waivable: true,
  codes: {
    ALERT_FIRED: 'an alert fired during the soak',
    ALERT_RULES_MISSING: 'Prometheus does not know the alerts that are written down for staging',
    ALERTS_NOT_EVALUATED: 'Prometheus did not evaluate its rules all the time',
  },
  async judge(context, { severity }) {
    const range = await watched(context);
    const [missing, holes, fired] = [
      await missingRules(context, severity),
      await holesIn(context, range),
      await firedIn(context, range, severity),
    ];
    const seen = fired.length === 0 ? `none since ${minute(range.from)}` : `${fired.length} fired`;
    return judgement(seen, `no ${severity} alert`, ...fired, ...missing, ...holes);
  },
};

async function firedIn(context: GateContext, range: Range, severity: string): Promise<Problem[]> {
  const query = `max_over_time(ALERTS{alertstate="firing",severity="${severity}"}[1m])`;
  const series = await context.prometheus().range(query, range);
  const first = new Map<string, number>();
  for (const { labels, points } of series) {
    const [point] = points;
    if (point === undefined) continue;
    const { alertname = 'an alert without a name', service } = labels;
    const name = service === undefined ? alertname : `${alertname} (${service})`;
    first.set(name, Math.min(first.get(name) ?? Infinity, point.t));
  }
  return [...first].map(([name, t]) => ({ code: 'ALERT_FIRED', message: `${name} fired, first seen at ${minute(t)}` }));
}

/** A Prometheus without rules never has an alert. */
async function missingRules(context: GateContext, severity: string): Promise<Problem[]> {
  const wanted = await context.files.criticalAlerts();
  const loaded = new Set(
    (await context.prometheus().alertRules()).filter((rule) => rule.severity === severity).map(({ name }) => name),
  );
  const missing = wanted.filter((name) => !loaded.has(name));
  const none =
    wanted.length === 0
      ? [{ code: 'ALERT_RULES_MISSING', message: `no ${severity} alert is written down for staging` }]
      : [];
  if (missing.length === 0) return none;
  return [
    {
      code: 'ALERT_RULES_MISSING',
      message: `Prometheus has no ${severity} alert ${missing.join(', ')}: silence says nothing`,
    },
  ];
}

async function holesIn(context: GateContext, range: Range): Promise<Problem[]> {
  // Prometheus watches itself; a counter that grew in a minute was evaluated in it.
  const query = 'sum(increase(prometheus_rule_evaluations_total[2m])) > 0';
  const series = await context.prometheus().range(query, range);
  const times = series.flatMap(({ points }) => points.map(({ t }) => t));
  const [hole] = gapsIn(times, range, LONGEST_HOLE);
  if (hole === undefined) return [];
  const message = `Prometheus shows no evaluation of its rules from ${minute(hole.from)} to ${minute(hole.to)} (prometheus_rule_evaluations_total)`;
  return [{ code: 'ALERTS_NOT_EVALUATED', message }];
}
