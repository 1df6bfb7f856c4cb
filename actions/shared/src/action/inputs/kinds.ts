import type { Static, TSchema } from 'typebox';
import type { Secret } from '@papergate/config';

interface Common {
  /** One or two sentences, as `action.yml` and the README show them. */
  description: string;
  /** Without it the job fails; an input with a default is never missing. */
  required?: boolean;
}

/** One input, described once: its type, what is allowed, and the words of `action.yml` derive from this. */
export type InputSpec =
  /** Text without the blanks around it. */
  | (Common & { kind: 'text'; default?: string; pattern?: RegExp; allowed?: string; maxLength?: number })
  /** One value a line; blank lines do not count. Not given: no lines. */
  | (Common & { kind: 'lines'; default?: string })
  /** Exactly `true` or `false`. */
  | (Common & { kind: 'boolean'; default?: boolean })
  | (Common & { kind: 'integer'; default?: number; min: number; max: number })
  | (Common & { kind: 'number'; default?: number; min: number; max: number })
  | (Common & { kind: 'choice'; of: readonly string[]; default?: string })
  /** The whole SHA of a commit, 40 hexadecimal digits. */
  | (Common & { kind: 'commit'; default?: string })
  /** `sha256:` and 64 hexadecimal digits. */
  | (Common & { kind: 'digest'; default?: string })
  /** A path, against the workspace; comes out absolute. `is` demands that it is there. */
  | (Common & { kind: 'path'; default?: string; is?: 'file' | 'folder' })
  /** JSON, checked against a schema where one is given. */
  | (Common & { kind: 'json'; schema?: TSchema })
  /** Comes out as a {@link Secret}, exactly as it was given, and is masked with all its parts. */
  | (Common & { kind: 'secret' })
  /** `${{ toJSON(secrets) }}`: every value comes out as a {@link Secret} and is masked. Not given: none. */
  | (Common & { kind: 'secrets' });

export type InputKind = InputSpec['kind'];
export type InputSchema = Readonly<Record<string, InputSpec>>;

/** What an input of a kind comes out as, before it is asked whether it was given. */
type Parsed<S extends InputSpec> = S extends { kind: 'boolean' }
  ? boolean
  : S extends { kind: 'integer' | 'number' }
    ? number
    : S extends { kind: 'choice'; of: readonly (infer Choice)[] }
      ? Choice
      : S extends { kind: 'lines' }
        ? string[]
        : S extends { kind: 'secret' }
          ? Secret
          : S extends { kind: 'secrets' }
            ? ReadonlyMap<string, Secret>
            : S extends { kind: 'json' }
              ? S extends { schema: infer Schema extends TSchema }
                ? Static<Schema>
                : unknown
              : string;

type Always<S extends InputSpec> = S extends { kind: 'lines' | 'secrets' }
  ? true
  : S extends { required: true }
    ? true
    : S extends { default: string | number | boolean }
      ? true
      : false;

/** The inputs of an action, as its code gets them: `undefined` only where neither given, required nor defaulted. */
export type InputsOf<I extends InputSchema> = {
  readonly [K in keyof I]: Always<I[K]> extends true ? Parsed<I[K]> : Parsed<I[K]> | undefined;
};

/** The schema of an action's inputs, keys spelled as users write them. */
export const defineInputs = <const I extends InputSchema>(inputs: I): I => inputs;

/** Names of outputs and what they hold. Every action says how it went. */
export type OutputSchema = Readonly<Record<string, string>> & { verdict: string; 'reason-code': string };

export const defineOutputs = <const O extends OutputSchema>(outputs: O): O => outputs;

/** The default as `action.yml` spells it; inputs of other kinds have none. */
export function defaultText(spec: InputSpec): string | undefined {
  return 'default' in spec && spec.default !== undefined ? String(spec.default) : undefined;
}

/** What is allowed, for messages and tables. */
export function allowedText(spec: InputSpec): string {
  switch (spec.kind) {
    case 'boolean':
      return 'exactly true or false';
    case 'integer':
      return `a whole number from ${spec.min} to ${spec.max}`;
    case 'number':
      return `a number from ${spec.min} to ${spec.max}`;
    case 'choice':
      return spec.of.join(', ');
    case 'commit':
      return 'the whole SHA of a commit: 40 hexadecimal digits in small letters';
    case 'digest':
      return 'sha256: and 64 hexadecimal digits in small letters';
    case 'path':
      return spec.is === undefined ? 'a path' : `the path of a ${spec.is} that is there`;
    case 'json':
      return 'JSON';
    case 'secret':
      return 'a secret';
    case 'secrets':
      return 'an object of texts in JSON, as ${{ toJSON(secrets) }} gives it';
    case 'lines':
      return 'one value a line';
    default:
      return spec.allowed ?? (spec.pattern === undefined ? 'a text' : `a text that matches ${spec.pattern.source}`);
  }
}
