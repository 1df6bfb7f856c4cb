import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { RunRecord } from '../evidence/run.ts';
import { duration, figure } from './format.ts';
import { writeReport } from './index.ts';
import { html, Markup } from './markup.ts';
import { decades, linearTicks, logarithmic, roundUp } from './plots/scale.ts';
import { passingRun, suiteData } from './testing.ts';

const EVIL = `<img src=x onerror="alert(1)">&'`;

describe('the report', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'papergate-report-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const write = async (run: RunRecord) => {
    const paths = await writeReport({ dir, run });
    return {
      page: readFileSync(paths.html, 'utf8'),
      text: readFileSync(paths.summary, 'utf8'),
      json: readFileSync(paths.json, 'utf8'),
    };
  };

  /** The run with one check of the load stage failed and the gate blocking. */
  function blocked(): RunRecord {
    const run = passingRun();
    return {
      ...run,
      evidence: run.evidence.map((item) =>
        item.stage === 'load'
          ? {
              ...item,
              status: 'failed' as const,
              checks: item.checks.map((check) =>
                check.name === 'order-stress: order latency, p99'
                  ? { ...check, status: 'failed' as const, observed: 812.4 }
                  : check,
              ),
            }
          : item,
      ),
      gate: { decision: 'block', reasons: ['load: the p99 of orders is too high'] },
    };
  }

  test('is three files, and the JSON is the run itself', async () => {
    const { json } = await write(passingRun());
    expect(JSON.parse(json)).toEqual(passingRun());
    expect(readdirSync(dir).sort()).toEqual(['report.html', 'report.json', 'summary.md']);
  });

  test('needs no network, no script and no other file', async () => {
    const { page } = await write(passingRun());
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|src=|href=/i);
    expect(page).toContain(`default-src 'none'`);
  });

  test('says pass, and what passed', async () => {
    const { page, text } = await write(passingRun());
    expect(page).toContain('>PASS<');
    expect(page).not.toContain('BLOCK');
    expect(text).toMatch(/^# ✔ PASS: Let limit orders rest/);
    expect(text).toContain('| ✔ | order-stress: order latency, p99 | 3.5 ms | ≤ 500 ms |');
  });

  test('says block, why, and shows the failed check first and open', async () => {
    const { page, text } = await write(blocked());
    expect(page).toContain('>BLOCK<');
    expect(page).toContain('load: the p99 of orders is too high');
    expect(page).toMatch(
      /<details class="card" open>[^]{0,400}1 of 27 checks failed|<details class="card" open>[^]{0,400}1 of \d+ checks failed/,
    );
    expect(text).toMatch(/^# ✖ BLOCK/);
    expect(text).toContain('- load: the p99 of orders is too high');
    expect(text).toMatch(/## Failed checks[^]*order-stress: order latency, p99 \| 812 ms/);
  });

  test('is a block where the run ended before the gate, and says what ended it', async () => {
    const { gate: _gate, manifest: _manifest, ...run } = passingRun();
    const error = { code: 'PORT_IN_USE', message: 'port 8080 is taken', fix: 'stop what holds it' };
    const { page, text } = await write({ ...run, evidence: [], error });
    expect(page).toMatch(/BLOCK[^]*PORT_IN_USE[^]*port 8080 is taken[^]*stop what holds it/);
    expect(page).toContain('No manifest');
    expect(text).toMatch(/BLOCK[^]*PORT\\_IN\\_USE[^]*stop what holds it/);
  });

  test('is a block where the gate passed and something broke afterwards', async () => {
    const { page } = await write({ ...passingRun(), error: { code: 'X', message: 'broke' } });
    expect(page).toContain('>BLOCK<');
  });

  test('is a block where a stage failed after the gate had passed', async () => {
    const { page, text } = await write({ ...blocked(), gate: { decision: 'pass', reasons: [] } });
    expect(page).toMatch(/>BLOCK<[^]*load: its evidence says failed, and the gate decided without it/);
    expect(page).not.toMatch(/<title>PASS/);
    expect(text).toMatch(/^# ✖ BLOCK/);
  });

  test('marks every floor in its plot, kept or missed, and gives each plot in words and as a table', async () => {
    const run = passingRun();
    const { page } = await write(run);
    expect(page.match(/class="floor-label"[^>]*>≤/g)).toHaveLength(7);
    expect(page.match(/class="missed"/g)).toBeNull();
    const plots = page.match(/<svg[^>]*role="img"[^>]*aria-labelledby="([^"]+)"/g) ?? [];
    expect(plots).toHaveLength(7 + 4 + 7);
    const ids = [...page.matchAll(/aria-labelledby="([^"]+)"/g)].map(([, id]) => id!);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(page).toContain(`<title id="${id}">`);
    expect(page).toContain('order latency, 12000 samples: mean 4.2 ms (allowed 100 ms)');
    expect(page.match(/The numbers as tables/g)).toHaveLength(4);
  });

  test('shows a missed floor as missed', async () => {
    const run = passingRun();
    const suites = run.evidence.find(({ stage }) => stage === 'load')?.data?.['suites'] as Array<{
      latencies: Array<{ avg: number }>;
    }>;
    suites[1]!.latencies[0]!.avg = 250;
    expect((await write(run)).page.match(/class="missed"/g)).toHaveLength(1);
  });

  test('puts k6’s own output beside the plots', async () => {
    mkdirSync(join(dir, 'load'));
    writeFileSync(join(dir, 'load', 'order-stress.log'), `k6 said ${EVIL}`);
    const { page } = await write(passingRun());
    expect(page).toContain('k6 said &lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp;&#39;');
    expect(page.match(/The file is not there/g)).toHaveLength(3);
  });

  test('lets no text become markup, wherever it comes from', async () => {
    const run = passingRun();
    const evil = JSON.parse(
      JSON.stringify(run, (key, value: unknown) =>
        typeof value === 'string' &&
        !['status', 'stage', 'verdict', 'decision', 'name', 'log', 'stat', 'metric'].includes(key)
          ? EVIL
          : value,
      ),
    ) as RunRecord;
    const { page, text } = await write({
      ...evil,
      gate: { decision: 'block', reasons: [EVIL] },
      error: { code: EVIL, message: EVIL, fix: EVIL },
    });
    expect(page).not.toContain('<img');
    expect(text).not.toMatch(/(^|[^\\])<img/m);
  });

  test('shows what there is where the suites left nothing', async () => {
    const run = passingRun();
    const { page } = await write({
      ...run,
      evidence: run.evidence.map((item) =>
        item.stage === 'load'
          ? { ...item, data: { suites: [{ ...suiteData(0), latencies: [], series: { rates: [], latencies: [] } }] } }
          : item,
      ),
    });
    expect(page).toContain('No latency was measured.');
    expect(page).toContain('nothing was measured');
    expect(page).not.toContain('NaN');
  });

  test('takes no nonsense for suites', async () => {
    const run = passingRun();
    const evidence = run.evidence.map((item) => ({ ...item, data: { suites: [{ name: 'x' }] } }));
    expect((await write({ ...run, evidence })).page).toContain('Load suites and their floors');
  });
});

describe('figures', () => {
  test.each([
    [0, '0'],
    [0.634, '0.63'],
    [1, '1'],
    [1.5, '1.5'],
    [10.04, '10'],
    [99.96, '100'],
    [100, '100'],
    [12_345.6, '12\u202f346'],
    [Number.NaN, '–'],
    [Number.POSITIVE_INFINITY, '–'],
  ])('%d reads %s', (value, text) => {
    expect(figure(value)).toBe(text);
  });

  test.each([
    [8, '8 ms'],
    [3120, '3.1 s'],
    [66_000, '1 min 6 s'],
    [119_700, '2 min 0 s'],
    [59_990, '1 min 0 s'],
    [Number.NaN, '–'],
  ])('%d ms reads %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});

describe('scales', () => {
  test('round up to 1, 2 or 5 times a power of ten', () => {
    expect([0.3, 1, 1.1, 30, 99, 100].map(roundUp)).toEqual([0.5, 1, 2, 50, 100, 100]);
    expect(roundUp(Number.NaN)).toBe(1);
  });

  test('reach from zero to at least the maximum', () => {
    expect(linearTicks(980)).toEqual([0, 500, 1000]);
    expect(linearTicks(0.001).at(-1)).toBeGreaterThanOrEqual(0.001);
  });

  test('span at least one decade and keep what is outside at the edge', () => {
    expect(decades(1, 1)).toEqual([1, 10]);
    expect(decades(0.4, 500)).toEqual([0.1, 1, 10, 100, 1000]);
    const y = logarithmic(1, 100, 0, 200);
    expect([y(0), y(1), y(10), y(1000)]).toEqual([0, 0, 100, 200]);
  });
});

describe('markup', () => {
  test('escapes what is put into it and joins lists', () => {
    expect(html`<b>${EVIL}</b>`.text).toBe('<b>&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp;&#39;</b>');
    expect(html`${['<', html`<i></i>`, 2, false, undefined, new Markup('<u>')]}`.text).toBe('&lt;<i></i>2<u>');
  });
});
