/** Where prices come from. One source an exchange. */
export interface MarketSource {
  readonly kind: 'synthetic' | 'replay' | 'bus';
  /** Begins to make or await ticks. */
  start(): Promise<void>;
  stop(): Promise<void>;
  status(): SourceStatus;
}

export interface SourceStatus {
  /** Ticks are coming. */
  running: boolean;
  /** No more will come by themselves. */
  finished: boolean;
  /** What it waits for before it runs. */
  waiting?: 'start' | 'subscriber';
  [detail: string]: unknown;
}
