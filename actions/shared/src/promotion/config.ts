import { join } from 'node:path';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { checkShape, parseJsonFile } from '@papergate/config';
import type { RuleName } from './types.ts';

const strict = { additionalProperties: false };
/** False: the rule is left out, which takes a waiver. */
const enabled = Type.Boolean({ default: true });
const hours = (of: number, minimum = 0) => Type.Number({ default: of, minimum, maximum: 8760 });
const rule = <T extends Parameters<typeof Type.Object>[0]>(keys: T) =>
  Type.Object({ enabled, ...keys }, { ...strict, default: {} });

const RULES = {
  'real-run': rule({}),
  clock: rule({
    /** How far the clocks of GitHub and Prometheus may be apart. */
    tolerance_seconds: Type.Number({ default: 60, minimum: 1, maximum: 3600 }),
  }),
  'staging-proof': rule({
    /** GitHub environment in which the release was proven. */
    environment: Type.String({ default: 'staging', minLength: 1 }),
    /** Workflows whose jobs name that environment for its secrets, and deliver nothing there. */
    harmless_workflows: Type.Array(Type.String(), { default: ['.github/workflows/scheduled.yml'] }),
  }),
  evidence: rule({
    /** Stages without which nothing passes. */
    stages: Type.Array(Type.String(), { default: ['validate', 'build', 'deploy', 'smoke', 'load'], minItems: 1 }),
    /** Evidence has to outlive soak and wait timer; older than this does not count. */
    max_age_hours: hours(168, 0.1),
    /** Load of this profile is wanted: the other one is for tries. */
    load_profile: Type.Enum(['full', 'quick'], { default: 'full' }),
  }),
  'load-regression': rule({
    /** A latency may grow by so many percent. */
    tolerance_percent: Type.Number({ default: 10, minimum: 0, maximum: 100 }),
    /** Chance of a false alarm over all figures together, by Holm's correction. */
    alpha: Type.Number({ default: 0.01, exclusiveMinimum: 0, maximum: 0.2 }),
    /** Rank-biserial effect below which a difference is nobody's concern. */
    min_effect: Type.Number({ default: 0.33, minimum: 0, maximum: 1 }),
    /** Seconds with samples that each figure needs, before and after. */
    min_samples: Type.Integer({ default: 40, minimum: 8, maximum: 3600 }),
    /** Half of the seconds of a figure may lie so far apart, in percent of their median; more is a disturbed machine. */
    max_scatter_percent: Type.Number({ default: 50, minimum: 1, maximum: 1000 }),
  }),
  soak: rule({ hours: hours(48) }),
  monitoring: rule({
    /** Of Prometheus: the job that scrapes the bundle. */
    job: Type.String({ default: 'papergate', pattern: '^[A-Za-z0-9_-]+$' }),
    /** A service that was not scraped for longer was not watched. */
    max_gap_minutes: Type.Number({ default: 5, minimum: 1, maximum: 120 }),
  }),
  alerts: rule({
    /** Alerts of this severity, fired at any time of the soak, block. */
    severity: Type.String({ default: 'critical', pattern: '^[a-z]+$' }),
  }),
  'error-log': rule({
    /** Lines of the level error or fatal, of all services, within any hour of the soak: fewer than this. */
    below_per_hour: Type.Integer({ default: 10, minimum: 1, maximum: 100_000 }),
  }),
  'dependency-audit': rule({
    /** The least severity that blocks. */
    severity: Type.Enum(['low', 'moderate', 'high', 'critical'], { default: 'high' }),
    max_age_hours: hours(24, 0.1),
  }),
  'image-audit': rule({
    severity: Type.Enum(['low', 'medium', 'high', 'critical'], { default: 'high' }),
    max_age_hours: hours(24, 0.1),
  }),
  attestation: rule({
    /** Workflow that builds the images, and the branch or tag it ran for. */
    workflow: Type.String({
      default: '.github/workflows/deploy-staging.yml',
      pattern: '^\\.github/workflows/[^/@]+\\.ya?ml$',
    }),
    ref: Type.String({ default: 'refs/heads/main', pattern: '^refs/' }),
    issuer: Type.String({ default: 'https://token.actions.githubusercontent.com', pattern: '^https://' }),
    /** Whoever vouches for the time of a signature: entries in a transparency log or timestamps, so many at least. */
    min_timestamps: Type.Integer({ default: 1, minimum: 1, maximum: 5 }),
    /** Entries in a public transparency log; GitHub's own instance for private repositories has none. */
    min_log_entries: Type.Integer({ default: 1, minimum: 0, maximum: 5 }),
    /** The certificate has to be in a public log too; GitHub's own instance has none. */
    min_certificate_log_entries: Type.Integer({ default: 1, minimum: 0, maximum: 5 }),
  }),
  'decision-record': rule({
    folder: Type.String({ default: 'docs/decisions', minLength: 1 }),
  }),
  'rollback-plan': rule({
    /** How long ago the last checkpoint may have been restored and compared. */
    max_age_hours: hours(24, 0.1),
  }),
  'on-call': rule({
    /** Whoever is on call has to be for so long from now. */
    cover_hours: hours(4),
  }),
  'environment-reviewers': rule({
    environment: Type.String({ default: 'production', minLength: 1 }),
    /** People and teams who may approve. */
    at_least: Type.Integer({ default: 1, minimum: 1, maximum: 6 }),
  }),
  'environment-self-review': rule({}),
  'environment-wait-timer': rule({ hours: hours(24) }),
  'environment-bypass': rule({}),
  'environment-branches': rule({
    branches: Type.Array(Type.String({ minLength: 1 }), { default: ['main'], minItems: 1 }),
  }),
  approvers: rule({
    /** Different people who approved, none of whom wrote the change. */
    at_least: Type.Integer({ default: 2, minimum: 1, maximum: 10 }),
    /** Pull requests into this branch count. */
    branch: Type.String({ default: 'main', minLength: 1 }),
    /** An approval of a pull request counts only for its last commit. */
    of_last_commit: Type.Boolean({ default: true }),
    /** Whoever wrote any part of the release approves none of it; or only not the change that he wrote himself. */
    wrote_nothing_of: Type.Enum(['release', 'change'], { default: 'release' }),
    /** The commit after which changes count where production has no release on record yet: all 40 digits. */
    since: Type.String({ default: '', pattern: '^([0-9a-f]{40})?$' }),
    /** Accounts of authors whose e-mail address names none: `{"jo@example.com": "jo"}`. */
    accounts: Type.Record(Type.String(), Type.String({ minLength: 1 }), { default: {} }),
  }),
  'wait-timer': rule({ hours: hours(24) }),
} satisfies Record<RuleName, unknown>;

/** `gate.production.json`: every rule that opens production, with its figures. A key that is left out has its default. */
export const GateConfigSchema = Type.Object(RULES, strict);
export type GateConfig = Static<typeof GateConfigSchema>;

export const GATE_CONFIG_FILE = 'gate.production.json';

/**
 * Reads the configuration of the production gate.
 * @throws ConfigError with all that is wrong with it
 */
export function loadGateConfig(configDir: string): GateConfig {
  return readGateConfig(join(configDir, GATE_CONFIG_FILE));
}

/** As {@link loadGateConfig}, of a file that the caller names. */
export function readGateConfig(path: string): GateConfig {
  return gateConfigOf(parseJsonFile(path), path);
}

export function gateConfigOf(value: unknown, file: string): GateConfig {
  return checkShape(GateConfigSchema, Value.Default(GateConfigSchema, value), file);
}

export const defaultGateConfig = (): GateConfig => gateConfigOf({}, GATE_CONFIG_FILE);

/** One figure of a rule, for people: with the default beside it where it is another. */
export function describeConfig(config: GateConfig, name: RuleName): string {
  const defaults: Record<string, unknown> = defaultGateConfig()[name];
  const words = Object.entries(config[name]).map(([key, value]) => {
    const text = `${key.replaceAll('_', ' ')} ${show(value)}`;
    return show(defaults[key]) === show(value) ? text : `${text} (default ${show(defaults[key])})`;
  });
  return words.filter((text) => text !== 'enabled true').join(', ');
}

function show(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const held = Array.isArray(value) ? value.map(String) : Object.keys(value);
  return held.length === 0 ? 'none' : held.join(' ');
}
