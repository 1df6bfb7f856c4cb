import type { FastifyBaseLogger } from 'fastify';

/** Of pino's child. */
type ChildOptions = Parameters<FastifyBaseLogger['child']>[1];
type Bindings = Parameters<FastifyBaseLogger['child']>[0];
type Write = (...args: unknown[]) => void;

/**
 * The logger of one request. Its child of the service's logger is made when something is written, which most requests never
 * do: making it takes as long as finding the route.
 */
class RequestLogger {
  readonly #parent: FastifyBaseLogger;
  readonly #bindings: Bindings;
  readonly #options: ChildOptions;
  #child: FastifyBaseLogger | undefined;

  constructor(parent: FastifyBaseLogger, bindings: Bindings, options: ChildOptions) {
    this.#parent = parent;
    this.#bindings = bindings;
    this.#options = options;
  }

  get #made(): FastifyBaseLogger {
    this.#child ??= this.#parent.child(this.#bindings, this.#options);
    return this.#child;
  }

  get level(): string {
    return this.#made.level;
  }

  set level(level: string) {
    this.#made.level = level;
  }

  child(bindings: Bindings, options?: ChildOptions): FastifyBaseLogger {
    return this.#made.child(bindings, options);
  }

  trace(...args: unknown[]): void {
    (this.#made.trace as Write)(...args);
  }

  debug(...args: unknown[]): void {
    (this.#made.debug as Write)(...args);
  }

  info(...args: unknown[]): void {
    (this.#made.info as Write)(...args);
  }

  warn(...args: unknown[]): void {
    (this.#made.warn as Write)(...args);
  }

  error(...args: unknown[]): void {
    (this.#made.error as Write)(...args);
  }

  fatal(...args: unknown[]): void {
    (this.#made.fatal as Write)(...args);
  }

  silent(...args: unknown[]): void {
    (this.#made.silent as Write)(...args);
  }
}

/** For fastify's `childLoggerFactory`. */
export const requestLogger = (
  parent: FastifyBaseLogger,
  bindings: Bindings,
  options: ChildOptions,
): FastifyBaseLogger => new RequestLogger(parent, bindings, options) as FastifyBaseLogger;
