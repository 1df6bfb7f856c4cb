import { UserError, type EnvSource } from '@papergate/config';
import { homeFolder, readContext, type ActionContext } from './context.ts';
import type { InputSchema, InputsOf, OutputSchema } from './inputs/kinds.ts';
import { inputVariable, readInputs } from './inputs/read.ts';
import { Masks, maskSecrets } from './masks/masks.ts';
import { outcomeOf, PASS, stackOf, type Outcome } from './outcome.ts';
import { ActionLog } from './output/log.ts';
import { Summary } from './output/summary.ts';
import { processSurroundings, type Surroundings } from './surroundings.ts';

type OutputName<O extends OutputSchema> = Exclude<keyof O & string, 'verdict' | 'reason-code'>;
export type OutputValue = string | number | boolean;

/** What the code of an action is given. */
export interface ActionJob<I extends InputSchema, O extends OutputSchema> {
  inputs: InputsOf<I>;
  context: ActionContext;
  /** The job's environment without the variables of the action's inputs. */
  env: EnvSource;
  /** Where state lies. */
  home: string;
  log: ActionLog;
  summary: Summary;
  /** Masks a secret that was not an input, with all its parts, from here on. */
  mask(secret: string): void;
  /** Text without any secret that is masked: for files that leave the job. Log, summary and outputs do it by themselves. */
  clean(text: string): string;
  /** `verdict` and `reason-code` are set by what `main` returns or throws. */
  setOutput(name: OutputName<O>, value: OutputValue): void;
  /** For the step after the job. Never a secret. */
  saveState(name: string, value: OutputValue): void;
  /** Aborted when the job is cancelled. */
  signal: AbortSignal;
}

/** What the step after the job is given. */
export interface PostJob<I extends InputSchema> extends Pick<
  ActionJob<I, OutputSchema>,
  'inputs' | 'context' | 'env' | 'home' | 'log' | 'mask' | 'clean' | 'signal'
> {
  /** What `main` saved; empty where it saved nothing. */
  state(name: string): string;
}

export interface Action<I extends InputSchema, O extends OutputSchema> {
  name: string;
  inputs: I;
  outputs: O;
  main(job: ActionJob<I, O>): Promise<Outcome | void>;
  /** Runs after the job (`post:` in action.yml, the same bundle), also where `main` failed. */
  post?(job: PostJob<I>): Promise<void>;
}

/** Wrapped, since `undefined` can be thrown too. */
interface Thrown {
  thrown: unknown;
}

const POST_STATE = 'papergate_is_post';
/** The inputs were good: from there on `main` may have left something. */
const BEGAN_STATE = 'papergate_began';

/**
 * Runs an action: masks, reads the inputs, hands over, reports. Anything that is thrown, of any type and wherever,
 * fails the job with one annotation that holds code, message and fix. Returns when all is said; never throws.
 * In the entry file: `void runAction({ … })`, since a bundle has no top-level await.
 */
export async function runAction<const I extends InputSchema, const O extends OutputSchema>(
  action: Action<I, O>,
  given?: Surroundings,
): Promise<void> {
  const around = given ?? (await processSurroundings());
  const run = new Run(action, around);
  await run.all();
}

class Run<I extends InputSchema, O extends OutputSchema> {
  readonly #action: Action<I, O>;
  readonly #around: Surroundings;
  readonly #masks: Masks;
  readonly #log: ActionLog;
  readonly #summary: Summary;
  readonly #cancel = new AbortController();
  readonly #isPost: boolean;
  #ended = false;

  constructor(action: Action<I, O>, around: Surroundings) {
    this.#action = action;
    this.#around = around;
    const { commands } = around;
    this.#masks = new Masks((part) => commands.setSecret(part));
    const clean = (text: string): string => this.#masks.clean(text);
    this.#log = new ActionLog(commands, clean);
    this.#summary = new Summary(clean);
    this.#isPost = commands.getState(POST_STATE) === 'true';
  }

  async all(): Promise<void> {
    const { onDefect, onCancel } = this.#around;
    onDefect((thrown) => this.#end(outcomeOf(thrown), { thrown }));
    onCancel(() => this.#cancel.abort(new Error('the job was cancelled')));
    try {
      this.#maskAll();
      const outcome = this.#isPost ? await this.#post() : await this.#main();
      this.#end(outcome);
    } catch (thrown) {
      this.#end(outcomeOf(thrown), { thrown });
    }
  }

  /** Secrets of inputs leave the process' environment as well: what it starts would inherit them. */
  #maskAll(): void {
    maskSecrets(this.#masks, this.#action.inputs, this.#around.env);
    for (const name of Object.keys(this.#around.env)) if (name.startsWith('INPUT_')) this.#around.forget(name);
  }

  async #main(): Promise<Outcome> {
    if (this.#action.post !== undefined) this.#around.commands.saveState(POST_STATE, 'true');
    const common = this.#common();
    if (this.#action.post !== undefined) this.#around.commands.saveState(BEGAN_STATE, 'true');
    const outcome = await this.#action.main({
      ...common,
      summary: this.#summary,
      setOutput: (name, value) => this.#setOutput(name, value),
      saveState: (name, value) => this.#around.commands.saveState(name, this.#harmless(`state ${name}`, value)),
    });
    return outcome ?? PASS;
  }

  async #post(): Promise<Outcome> {
    const job = this.#commonOfPost();
    if (job !== undefined) await this.#action.post?.({ ...job, state: (name) => this.#around.commands.getState(name) });
    return PASS;
  }

  /**
   * With wrong inputs `main` has done nothing, and said why: there is nothing to clean up. Where they were good then and are
   * not now (a folder has gone since), what is cleaned up by state alone still is; what asks for an input fails.
   */
  #commonOfPost(): Omit<PostJob<I>, 'state'> | undefined {
    try {
      return this.#common();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (this.#around.commands.getState(BEGAN_STATE) !== 'true') return undefined;
      const unreadable = new Proxy({} as InputsOf<I>, {
        get: () => {
          throw error;
        },
      });
      return this.#with(unreadable, undefined);
    }
  }

  #common(): Omit<PostJob<I>, 'state'> {
    const { workspace } = readContext(this.#around.env);
    const inputs = readInputs(this.#action.inputs, this.#around.env, workspace);
    const given: unknown = (inputs as Record<string, unknown>)['home'];
    return this.#with(inputs, typeof given === 'string' ? given : undefined);
  }

  #with(inputs: InputsOf<I>, home: string | undefined): Omit<PostJob<I>, 'state'> {
    const context = readContext(this.#around.env);
    const own = new Set(Object.keys(this.#action.inputs).map(inputVariable));
    const env = Object.fromEntries(Object.entries(this.#around.env).filter(([name]) => !own.has(name)));
    return {
      inputs,
      context,
      env,
      home: homeFolder(home, env, context),
      log: this.#log,
      mask: (secret) => this.#masks.add(secret),
      clean: (text) => this.#masks.clean(text),
      signal: this.#cancel.signal,
    };
  }

  #setOutput(name: string, value: OutputValue): void {
    this.#around.commands.setOutput(name, this.#harmless(`output ${name}`, value));
  }

  /** Outputs and state lie in files, and go to other jobs. */
  #harmless(what: string, value: OutputValue): string {
    const text = String(value);
    if (!this.#masks.holds(text)) return text;
    this.#log.warning(`${what} held a secret; it was taken out`);
    return this.#masks.clean(text);
  }

  /** Says how it went, once: a defect may come after the end, and a second one while the first is told. */
  #end(found: Outcome, by?: Thrown): void {
    if (this.#ended) return;
    this.#ended = true;
    const outcome: Outcome = this.#cancel.signal.aborted
      ? {
          verdict: 'failed',
          reasonCode: 'ACTION_CANCELLED',
          message: 'the job was cancelled; what it had begun was cleaned up',
        }
      : found;
    let code: 0 | 1 = outcome.verdict === 'pass' ? 0 : 1;
    try {
      this.#report(outcome, by);
    } catch (thrown) {
      // A verdict that nobody gets to read is none: files of the runner that cannot be written fail the job.
      code = 1;
      const { reasonCode, message } = outcomeOf(thrown);
      this.#log.failure(`${reasonCode}: ${message}`, { title: `${this.#action.name}: ${reasonCode}` });
    }
    this.#around.exit(code);
  }

  #report(outcome: Outcome, by: Thrown | undefined): void {
    if (outcome.verdict !== 'pass') this.#reportFailure(outcome, by);
    if (!this.#isPost) {
      // Words of ours, which a secret that happens to be the same must not change.
      this.#around.commands.setOutput('verdict', outcome.verdict);
      this.#around.commands.setOutput('reason-code', outcome.verdict === 'pass' ? '' : outcome.reasonCode);
    }
    if (!this.#summary.isEmpty) this.#around.appendSummary(this.#summary.toString());
  }

  #reportFailure(
    { reasonCode, message, fix, verdict }: Exclude<Outcome, { verdict: 'pass' }>,
    by: Thrown | undefined,
  ): void {
    const title = `${this.#action.name}: ${reasonCode}`;
    const text = `${reasonCode}: ${message}${fix === undefined ? '' : `\n  fix: ${fix}`}`;
    this.#log.failure(text, { title });
    if (by === undefined) return;
    if (this.#around.env['RUNNER_DEBUG'] === '1') this.#log.debug(stackOf(by.thrown));
    this.#summary.verdict(verdict, title).code(text);
  }
}
