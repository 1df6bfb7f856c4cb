import { busiest, gapsIn, growth, minute } from '../prometheus/series.ts';
import type { Problem, Rule } from '../types.ts';
import { HOUR, judgement, MINUTE, unless } from './judgement.ts';
import { servicesOf, watched } from './watch.ts';

/** Longer than Prometheus itself goes on showing a last value. */
const LONGEST_HOLE = 10 * MINUTE;

/** Errors that wake nobody, in numbers that say something is wrong. */
export const errorLog: Rule<'error-log'> = {
  name: 'error-log',
  title: 'a quiet log',
  source: 'Prometheus',
  waivable: true,
  codes: {
    ERROR_LOG_LOUD: 'the services logged too many errors within an hour',
    ERROR_LOG_MISSING: 'a service does not count its lines, or Prometheus does not know them',
    ERROR_LOG_UNREADABLE: 'the counted lines are no numbers',
  },
  async judge(context, { below_per_hour }) {
    const range = await watched(context);
    const query = 'papergate_log_lines_total{level=~"error|fatal"}';
    const series = await context.prometheus().range(query, range);
    const grown = series.flatMap((one) => growth(one, range.from + LONGEST_HOLE));
    const worst = busiest(grown, HOUR);
    const missing = servicesOf(context).flatMap((service): Problem[] => {
      const times = series
        .filter(({ labels }) => labels['service'] === service)
        .flatMap(({ points }) => points.map(({ t }) => t));
      const [hole] = times.length === 0 ? [{ from: range.from, to: range.to }] : gapsIn(times, range, LONGEST_HOLE);
      if (hole === undefined) return [];
      const message = `Prometheus has no count of ${service}'s error lines from ${minute(hole.from)} to ${minute(hole.to)}`;
      return [{ code: 'ERROR_LOG_MISSING', message }];
    });
    const readable = series.every(({ points }) => points.every(({ value }) => Number.isFinite(value) && value >= 0));
    return judgement(
      worst.sum === 0 ? 'none' : `${worst.sum} in the hour before ${minute(worst.at)}`,
      `fewer than ${below_per_hour} an hour`,
      unless(readable, 'ERROR_LOG_UNREADABLE', 'Prometheus has counts of error lines that are no numbers'),
      unless(
        !readable || worst.sum < below_per_hour,
        'ERROR_LOG_LOUD',
        `${worst.sum} lines of error or fatal in the hour before ${minute(worst.at)}`,
      ),
      ...missing,
    );
  },
};
