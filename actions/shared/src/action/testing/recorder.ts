import type { RunnerCommands } from '../commands.ts';
import type { Surroundings } from '../surroundings.ts';

/** A runner that keeps what it is told: a small working one, for tests of actions. */
export interface Recorder extends Surroundings {
  /** Everything in the order in which it was said, as `kind: text`. */
  readonly said: readonly string[];
  readonly masked: readonly string[];
  readonly outputs: ReadonlyMap<string, string>;
  readonly state: ReadonlyMap<string, string>;
  readonly forgotten: readonly string[];
  readonly annotations: readonly { kind: string; text: string; properties: Record<string, unknown> }[];
  readonly summary: string;
  readonly exitCode: number | undefined;
  cancel(): void;
  defect(thrown: unknown): void;
}

/** @param env what is not given is filled with what every job of GitHub's has */
export function recorder(env: Record<string, string>): Recorder {
  const said: string[] = [];
  const masked: string[] = [];
  const outputs = new Map<string, string>();
  const state = new Map<string, string>();
  const forgotten: string[] = [];
  const annotations: { kind: string; text: string; properties: Record<string, unknown> }[] = [];
  const cancels: (() => void)[] = [];
  const defects: ((thrown: unknown) => void)[] = [];
  let summary = '';
  let exitCode: number | undefined;
  const annotate =
    (kind: string) =>
    (message: string | Error, properties = {}): void => {
      const text = String(message);
      said.push(`${kind}: ${text}`);
      annotations.push({ kind, text, properties });
    };
  const commands: RunnerCommands = {
    debug: (text) => void said.push(`debug: ${text}`),
    info: (text) => void said.push(`info: ${text}`),
    error: annotate('error'),
    warning: annotate('warning'),
    notice: annotate('notice'),
    startGroup: (title) => void said.push(`group: ${title}`),
    endGroup: () => void said.push('endgroup'),
    setSecret: (text) => {
      said.push('mask');
      masked.push(text);
    },
    setOutput: (name, value) => void outputs.set(name, String(value)),
    saveState: (name, value) => void state.set(name, String(value)),
    getState: (name) => env[`STATE_${name}`] ?? '',
  };
  return {
    env: {
      GITHUB_REPOSITORY: 'someone/something',
      GITHUB_SHA: '0123456789abcdef0123456789abcdef01234567',
      GITHUB_RUN_ID: '1',
      GITHUB_WORKSPACE: process.cwd(),
      ...env,
    },
    commands,
    said,
    masked,
    outputs,
    state,
    forgotten,
    annotations,
    get summary() {
      return summary;
    },
    get exitCode() {
      return exitCode;
    },
    forget: (name) => void forgotten.push(name),
    appendSummary: (markdown) => {
      summary += markdown;
    },
    onCancel: (listener) => void cancels.push(listener),
    onDefect: (listener) => void defects.push(listener),
    exit: (code) => {
      exitCode = code;
    },
    cancel: () => {
      for (const listener of cancels) listener();
    },
    defect: (thrown) => {
      for (const listener of defects) listener(thrown);
    },
  };
}
