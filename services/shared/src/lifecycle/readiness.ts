/** `true`, or the reason why not. */
export type ReadinessCheck = () => true | string | Promise<true | string>;

export interface ReadinessReport {
  ready: boolean;
  checks: Record<string, { ok: boolean; detail?: string }>;
}

/** What a service waits for before it counts as ready; once draining it is never ready again. */
export class Readiness {
  readonly #checks = new Map<string, ReadinessCheck>();
  #draining = false;

  add(name: string, check: ReadinessCheck): void {
    this.#checks.set(name, check);
  }

  get draining(): boolean {
    return this.#draining;
  }

  drain(): void {
    this.#draining = true;
  }

  async report(): Promise<ReadinessReport> {
    const checks: ReadinessReport['checks'] = {};
    if (this.#draining) checks['draining'] = { ok: false, detail: 'the service is stopping' };
    await Promise.all(
      [...this.#checks].map(async ([name, check]) => {
        try {
          const found = await check();
          checks[name] = found === true ? { ok: true } : { ok: false, detail: found };
        } catch (error) {
          checks[name] = { ok: false, detail: error instanceof Error ? error.message : String(error) };
        }
      }),
    );
    return { ready: Object.values(checks).every(({ ok }) => ok), checks };
  }
}
