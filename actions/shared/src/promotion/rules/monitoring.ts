import { gapsIn, minute } from '../prometheus/series.ts';
import type { Problem, Rule } from '../types.ts';
import { judgement, MINUTE } from './judgement.ts';
import { servicesOf, watched } from './watch.ts';

/** Silence is only good news where somebody listened: each service was scraped all through the soak. */
export const monitoring: Rule<'monitoring'> = {
  name: 'monitoring',
  title: 'watched without a gap',
  source: 'Prometheus',
  waivable: true,
  codes: {
    MONITORING_MISSING: 'Prometheus has never scraped a service in that time',
    MONITORING_GAP: 'a service was not scraped for a while',
  },
  async judge(context, { job, max_gap_minutes }) {
    const range = await watched(context);
    // Counted, since a plain query would show a point five minutes after the last scrape.
    const query = `count_over_time(up{job="${job}"}[1m])`;
    const series = await context.prometheus().range(query, range);
    const services = servicesOf(context);
    const problems = services.flatMap((service): Problem[] => {
      const times = series
        .filter(({ labels }) => labels['service'] === service)
        .flatMap(({ points }) => points.filter(({ value }) => value > 0).map(({ t }) => t));
      if (times.length === 0) {
        return [
          { code: 'MONITORING_MISSING', message: `Prometheus has not scraped ${service} since ${minute(range.from)}` },
        ];
      }
      const [gap, ...others] = gapsIn(times, range, max_gap_minutes * MINUTE);
      if (gap === undefined) return [];
      const more = others.length === 0 ? '' : `, and ${others.length} more gaps`;
      const message = `${service} was not scraped from ${minute(gap.from)} to ${minute(gap.to)}${more}: nobody knows how it was`;
      return [{ code: 'MONITORING_GAP', message }];
    });
    return judgement(
      `${services.length - problems.length} of ${services.length} services since ${minute(range.from)}`,
      `all, no gap above ${max_gap_minutes} min`,
      ...problems,
    );
  },
};
