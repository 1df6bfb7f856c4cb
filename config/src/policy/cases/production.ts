import type { GateEvidence } from '../types.ts';
import {
  base64,
  BROKER,
  file,
  GATE,
  key,
  LIVE,
  LIVE_26,
  PAPER,
  production,
  SECRET,
  system,
  type PolicyCase,
} from './fixtures.ts';

const gateIs = (gate: unknown): PolicyCase['input'] => production({}, { gate: gate as GateEvidence });

export const PRODUCTION_CASES: readonly PolicyCase[] = [
  { title: 'production behind its gate', input: production(), expected: 'pass' },
  { title: 'production with a key of 26 characters', input: production({ ALPACA_API_KEY: LIVE_26 }), expected: 'pass' },
  { title: 'production with its commit', input: production({ RELEASE_SHA: GATE.commit }), expected: 'pass' },
  {
    title: 'production with the key from a file',
    input: production(
      { ALPACA_API_KEY: undefined, ALPACA_API_KEY_FILE: '/run/secrets/key' },
      { files: [file('/run/secrets/key', `${LIVE}\n`)] },
    ),
    expected: 'pass',
  },
  {
    title: 'production with its system configuration',
    input: production(
      {},
      {
        system: system(
          { base_url: 'https://api.alpaca.markets', trading_stream_url: 'wss://api.alpaca.markets/stream' },
          { environment: 'production' },
        ),
      },
    ),
    expected: 'pass',
  },

  {
    title: 'production with a placeholder in a file',
    input: production({}, { files: [file('.env.example', `K=PK${'X'.repeat(18)}`)] }),
    expected: 'pass',
  },
  { title: 'production without the gate', input: production({}, { gate: undefined }), expected: ['gate'] },
  { title: 'production with a gate that said no', input: gateIs({ ...GATE, approved: false }), expected: ['gate'] },
  {
    title: 'production with a gate that said "true"',
    input: gateIs({ ...GATE, approved: 'true' }),
    expected: ['gate'],
  },
  { title: 'production with evidence that is empty', input: gateIs({}), expected: ['gate'] },
  { title: 'production with evidence of no commit', input: gateIs({ ...GATE, commit: 'main' }), expected: ['gate'] },
  {
    title: 'production with evidence of no manifest',
    input: gateIs({ ...GATE, manifest_digest: 'latest' }),
    expected: ['gate'],
  },
  { title: 'production that nobody approved', input: gateIs({ ...GATE, approved_by: [] }), expected: ['gate'] },
  { title: 'production that a blank approved', input: gateIs({ ...GATE, approved_by: [' '] }), expected: ['gate'] },
  { title: 'production approved at no time', input: gateIs({ ...GATE, approved_at: 'yesterday' }), expected: ['gate'] },
  {
    title: 'production with evidence for another commit',
    input: production({ RELEASE_SHA: 'f'.repeat(40) }),
    expected: ['gate'],
  },

  { title: 'production with a paper key', input: production({ ALPACA_API_KEY: PAPER }), expected: ['key-paper'] },
  { title: 'production with a broker key', input: production({ ALPACA_API_KEY: BROKER }), expected: ['key-broker'] },
  {
    title: 'production with a live key that was cut off',
    input: production({ ALPACA_API_KEY: LIVE.slice(0, 19) }),
    expected: ['key-live'],
  },
  {
    title: 'production with AWS’s key',
    input: production({ ALPACA_API_KEY: `AKIA${'Q7W2'.repeat(4)}` }),
    expected: ['key-live'],
  },
  { title: 'production without a key', input: production({ ALPACA_API_KEY: '' }), expected: ['key-missing'] },
  {
    title: 'production with a placeholder',
    input: production({ ALPACA_API_KEY: 'changeme' }),
    expected: ['key-placeholder'],
  },
  { title: 'production with DRY_RUN true', input: production({ DRY_RUN: 'true' }), expected: ['dry-run'] },
  { title: 'production with DRY_RUN not set', input: production({ DRY_RUN: undefined }), expected: ['dry-run'] },
  {
    title: 'production with ALPACA_PAPER true',
    input: production({ ALPACA_PAPER: 'true' }),
    expected: ['alpaca-paper'],
  },
  {
    title: 'production with the paper address',
    input: production({ ALPACA_BASE_URL: 'https://paper-api.alpaca.markets' }),
    expected: ['base-url-host'],
  },
  {
    title: 'production on loopback',
    input: production({ ALPACA_BASE_URL: 'http://127.0.0.1:5600' }),
    expected: ['base-url-host'],
  },
  {
    title: 'production without TLS',
    input: production({ ALPACA_BASE_URL: 'http://api.alpaca.markets' }),
    expected: ['base-url-scheme'],
  },
  {
    title: 'production with the paper trading stream',
    input: production(
      {},
      { system: system({ base_url: 'https://api.alpaca.markets' }, { environment: 'production' }) },
    ),
    expected: ['trading-stream-url'],
  },
  {
    title: 'production with a paper key elsewhere',
    input: production({ OLD_KEY: PAPER }),
    expected: ['smuggled-variable'],
  },
  {
    title: 'production with its live key elsewhere too',
    input: production({ COPY: LIVE }),
    expected: ['smuggled-variable'],
  },
  {
    title: 'production with another live key in disguise',
    input: production({ COPY: base64(key('AK', 77)) }),
    expected: ['smuggled-variable'],
  },
  {
    title: 'production with a live key in a file',
    input: production({}, { files: [file('config/a.json', `{"k":"${LIVE}"}`)] }),
    expected: ['smuggled-file'],
  },
  {
    title: 'production with a paper key in a file',
    input: production({}, { files: [file('.env', `K=${PAPER}`)] }),
    expected: ['smuggled-file'],
  },
  {
    title: 'production with the names of staging’s secrets',
    input: production({ ALPACA_PAPER_API_KEY: '' }),
    expected: ['foreign-variable'],
  },
  {
    title: 'production with the other paper name and a value',
    input: production({ ALPACA_PAPER_API_SECRET: SECRET }),
    expected: ['foreign-variable'],
  },
];
