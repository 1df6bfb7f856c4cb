import type { RunRecord } from '../evidence/run.ts';
import { PASSING, passingEvidence } from '../gate/testing.ts';
import type { SuiteData } from '../load/data.ts';
import { SUITES } from '../load/suites.ts';

const digest = (sign: string) => `sha256:${sign.repeat(64)}`;

/** For tests: what the load stage leaves of one suite, with a curve that is not flat. */
export function suiteData(index: number): SuiteData {
  const suite = SUITES[index]!;
  const seconds = Array.from({ length: 12 }, (_, t) => t);
  return {
    name: suite.name,
    title: suite.title,
    describes: suite.describes,
    verdict: 'held',
    exit_code: 0,
    duration_s: 16.2,
    latencies: suite.latencies.map(({ metric, label }) => ({
      metric,
      label,
      count: 12_000,
      avg: 4.2,
      p50: 3.1,
      p90: 8,
      p95: 12.5,
      p99: 48,
      max: 130,
      floors: suite.floors.flatMap((floor) =>
        floor.kind === 'latency' && floor.metric === metric ? [{ stat: floor.stat, max: floor.max }] : [],
      ),
    })),
    series: {
      rates: suite.rates.map((rate) => ({ ...rate, points: seconds.map((t) => ({ t, count: 1000 - (t % 3) * 20 })) })),
      latencies: suite.latencies.map((latency) => ({
        ...latency,
        points: seconds.map((t) => ({ t, p50: 3 + (t % 2), p95: 10 + t, max: 40 + 5 * t })),
      })),
    },
    log: `load/${suite.name}.log`,
  };
}

/** For tests: a run that passed. */
export function passingRun(): RunRecord {
  const evidence = passingEvidence().map((item) =>
    item.stage === 'load' ? { ...item, data: { suites: SUITES.map((_, index) => suiteData(index)) } } : item,
  );
  return {
    schema: 1,
    run_id: '20260115T115500Z-bbbbbbb',
    commit: PASSING.commit,
    subject: 'Let limit orders rest until their price comes',
    uncommitted_changes: false,
    environment: 'development',
    target: 'process',
    load_profile: 'quick',
    started_at: '2026-01-15T11:55:00.000Z',
    finished_at: '2026-01-15T11:57:21.000Z',
    machine: {
      platform: 'linux x64',
      cpus: 2,
      cpu_model: 'a model',
      memory_bytes: 24 * 1024 ** 3,
      node: 'v24.21.0',
      postgres: '18.4',
      k6: '2.2.0',
    },
    manifest: {
      schema: 1,
      commit: PASSING.commit,
      services: { orchestrator: { entry: 'services/orchestrator/src/main.ts', digest: digest('1') } },
      config_digest: digest('2'),
      lockfile_digest: digest('3'),
      schema_version: '0001_core',
      digest: PASSING.manifestDigest,
    },
    stages: [
      ...PASSING.required.map((stage, index) => ({ stage, status: 'passed' as const, duration_ms: 500 * 4 ** index })),
      { stage: 'gate', status: 'passed', duration_ms: 8 },
    ],
    evidence,
    gate: { decision: 'pass', reasons: [] },
    urls: { orchestrator: 'http://127.0.0.1:8080', dashboard: 'http://127.0.0.1:3000' },
  };
}
