import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Value } from 'typebox/value';
import { nearest, Secret, UserError, type EnvSource } from '@papergate/config';
import { allowedText, type InputSchema, type InputSpec, type InputsOf } from './kinds.ts';

/** How GitHub names the variable of an input. */
export const inputVariable = (name: string): string => `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`;

/** The text of an input exactly as it was given, or undefined: GitHub does not tell empty from not given. */
export function rawInput(env: EnvSource, name: string): string | undefined {
  const raw = env[inputVariable(name)];
  return raw === undefined || raw === '' ? undefined : raw;
}

class Refused extends Error {}

/**
 * All inputs, typed. Relative paths are taken against `workspace`.
 * @throws UserError INPUT_INVALID with everything that is wrong: the input, what was found, what is allowed
 */
export function readInputs<I extends InputSchema>(schema: I, env: EnvSource, workspace: string): InputsOf<I> {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(schema)) {
    try {
      values[name] = readOne(name, spec, rawInput(env, name), workspace);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      problems.push(error.message);
    }
  }
  problems.push(...misspelt(schema, env));
  if (problems.length > 0) throw invalid(problems);
  return values as InputsOf<I>;
}

function invalid(problems: string[]): UserError {
  return new UserError({
    code: 'INPUT_INVALID',
    message:
      problems.length === 1
        ? (problems[0] ?? '')
        : `${problems.length} inputs are wrong:${problems.map((problem) => `\n  - ${problem}`).join('')}`,
    fix: 'correct them in the "with:" of the step; the README of the action lists every input',
  });
}

function readOne(name: string, spec: InputSpec, raw: string | undefined, workspace: string): unknown {
  if (raw === undefined || (raw.trim() === '' && spec.kind !== 'secret')) {
    if (spec.required === true) throw new Refused(`input ${name} is missing, allowed: ${allowedText(spec)}`);
    if (spec.kind === 'lines') return lines(spec.default ?? '');
    if (spec.kind === 'secrets') return new Map();
    if (!('default' in spec) || spec.default === undefined) return undefined;
    return spec.kind === 'path' ? path(name, spec, spec.default, workspace) : spec.default;
  }
  return parse(name, spec, raw, workspace);
}

function parse(name: string, spec: InputSpec, raw: string, workspace: string): unknown {
  const text = raw.trim();
  const refuse = (found = shown(text)): never => {
    throw new Refused(`input ${name} is ${found}, allowed: ${allowedText(spec)}`);
  };
  switch (spec.kind) {
    case 'lines':
      return lines(text);
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : refuse();
    case 'integer':
      return inRange(/^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN, spec) ?? refuse();
    case 'number':
      return inRange(/^-?\d{1,15}(?:\.\d{1,15})?$/.test(text) ? Number(text) : Number.NaN, spec) ?? refuse();
    case 'choice':
      return spec.of.includes(text) ? text : refuse();
    case 'commit':
      return /^[0-9a-f]{40}$/.test(text) ? text : refuse();
    case 'digest':
      return /^sha256:[0-9a-f]{64}$/.test(text) ? text : refuse();
    case 'path':
      return path(name, spec, text, workspace);
    case 'json':
      return json(name, spec, text);
    case 'secret':
      return new Secret(raw);
    case 'secrets':
      return secrets(name, spec, text);
    default:
      if (text.length > (spec.maxLength ?? 10_000)) refuse(`${text.length} characters long`);
      return spec.pattern === undefined || spec.pattern.test(text) ? text : refuse();
  }
}

const lines = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');

const inRange = (value: number, { min, max }: { min: number; max: number }): number | undefined =>
  value >= min && value <= max ? value : undefined;

function path(name: string, spec: InputSpec & { kind: 'path' }, text: string, workspace: string): string {
  const absolute = resolve(workspace, text);
  if (text.includes('\0')) throw new Refused(`input ${name} holds a NUL character, allowed: ${allowedText(spec)}`);
  if (spec.is === undefined) return absolute;
  const found = statSync(absolute, { throwIfNoEntry: false });
  const fits = spec.is === 'file' ? found?.isFile() === true : found?.isDirectory() === true;
  if (fits) return absolute;
  const what = found === undefined ? 'is not there' : `is no ${spec.is}`;
  throw new Refused(`input ${name} is ${shown(text)}, which ${what}, allowed: ${allowedText(spec)}`);
}

function json(name: string, spec: InputSpec & { kind: 'json' }, text: string): unknown {
  const value = parseJson(text);
  if (value === undefined) throw new Refused(`input ${name} is no JSON, allowed: ${allowedText(spec)}`);
  if (spec.schema === undefined || Value.Check(spec.schema, value)) return value;
  const [first] = Value.Errors(spec.schema, value);
  const where = first === undefined || first.instancePath === '' ? 'it' : first.instancePath;
  throw new Refused(`input ${name} is JSON of another shape: ${where} ${first?.message ?? 'does not fit'}`);
}

/** Nothing of the text is shown: these are secrets. */
function secrets(name: string, spec: InputSpec, text: string): ReadonlyMap<string, Secret> {
  const value = parseJson(text);
  const entries =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : undefined;
  if (entries === undefined || !entries.every((entry): entry is [string, string] => typeof entry[1] === 'string'))
    throw new Refused(
      `input ${name} is ${entries === undefined ? 'no object' : 'an object of other values'}, allowed: ${allowedText(spec)}`,
    );
  return new Map(entries.map(([key, secret]) => [key, new Secret(secret)]));
}

/** `undefined` is never JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A value in a message. Whatever is long may be a secret that went into the wrong input. */
const shown = (text: string): string =>
  text.length > 60 || /[^\x20-\x7e]/.test(text) ? `a text of ${text.length} characters` : JSON.stringify(text);

/**
 * An input that nobody reads is a wish that goes unheard: GitHub only warns of it. Variables INPUT_… that resemble no
 * input may be another program's (INPUT_METHOD) and are left alone.
 */
function misspelt(schema: InputSchema, env: EnvSource): string[] {
  const known = new Set(Object.keys(schema).map(inputVariable));
  return Object.keys(env).flatMap((variable) => {
    if (!variable.startsWith('INPUT_') || known.has(variable) || (env[variable] ?? '') === '') return [];
    const name = variable.slice('INPUT_'.length).toLowerCase();
    const near = nearest(name, Object.keys(schema));
    return near === undefined ? [] : [`input ${name} is not known; did you mean ${near}?`];
  });
}
