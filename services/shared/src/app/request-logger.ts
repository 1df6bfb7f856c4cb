import type { FastifyBaseLogger } from 'fastify';

/** Of pino's child. */
type ChildOptions = Parameters<FastifyBaseLogger['child']>[1];
type Bindings = Parameters<FastifyBaseLogger['child']>[0];
type Line = Parameters<FastifyBaseLogger['info']>;

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
    this.#made.trace(...(args as Line));
  }

  debug(...args: unknown[]): void {
    this.#made.debug(...(args as Line));
  }

  info(...args: unknown[]): void {
    this.#made.info(...(args as Line));
  }

  warn(...args: unknown[]): void {
    this.#made.warn(...(args as Line));
  }

  error(...args: unknown[]): void {
    this.#made.error(...(args as Line));
  }

  fatal(...args: unknown[]): void {
    this.#made.fatal(...(args as Line));
  }

  silent(...args: unknown[]): void {
    this.#made.silent(...(args as Line));
  }
}

/** For fastify's `childLoggerFactory`. */
export const requestLogger = (
  parent: FastifyBaseLogger,
  bindings: Bindings,
  options: ChildOptions,
): FastifyBaseLogger => new RequestLogger(parent, bindings, options) as FastifyBaseLogger;
