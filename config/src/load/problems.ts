import { UserError } from '../errors.ts';

/** One thing that is wrong with a configuration file. */
export interface ConfigProblem {
  code: 'CONFIG_UNREADABLE' | 'CONFIG_SYNTAX' | 'CONFIG_INVALID';
  file: string;
  /** Path of the key, `services.dashboard.http_port`; empty where the file as a whole is meant. */
  key: string;
  /** What was found and what is allowed, naming the key but not the file. One line. */
  message: string;
  fix: string;
  /** The key is not there at all. */
  missing?: boolean;
}

/** A value, or what stands against it, or both where it can still be worked with. */
export interface Inspected<T> {
  value?: T;
  problems: ConfigProblem[];
}

/** Refusal of one or more configuration files; `problems` has them one by one. */
export class ConfigError extends UserError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly [ConfigProblem, ...ConfigProblem[]], cause?: unknown) {
    const [first] = problems;
    const lines = problems.map(({ file, message, fix }) => `\n  ${file}: ${message}; ${fix}`);
    super({
      code: first.code,
      message:
        problems.length === 1
          ? `${first.file}: ${first.message}`
          : `the configuration has ${problems.length} problems${lines.join('')}`,
      fix: problems.length === 1 ? first.fix : 'mend what is listed',
      cause,
    });
    this.problems = problems;
  }
}

/** The value, or a {@link ConfigError} with all problems. */
export function orThrow<T>({ value, problems }: Inspected<T>): T {
  const [first, ...others] = problems;
  if (first !== undefined) throw new ConfigError([first, ...others]);
  if (value === undefined) throw new Error('an inspection gave neither a value nor a problem');
  return value;
}

/** Runs something that throws {@link ConfigError} and collects instead. */
export function inspect<T>(read: () => T): Inspected<T> {
  try {
    return { value: read(), problems: [] };
  } catch (error) {
    if (error instanceof ConfigError) return { problems: [...error.problems] };
    throw error;
  }
}
