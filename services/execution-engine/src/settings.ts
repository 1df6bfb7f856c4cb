/** Times and sizes of the engine. None is a matter of taste of a deployment, so none is in the configuration; tests shorten them. */
export interface EngineSettings {
  /** Requests to the broker at once. */
  dispatchConcurrency: number;
  /**
   * The intake is busy when so many orders are under way in it, and so many ms longer. Then who waits for an answer goes
   * first: one request to the broker at a time, and this many ms from one to the next. That is six times as many as
   * Alpaca takes.
   */
  intakeBusy: number;
  intakeBusyForMs: number;
  dispatchBusyIntervalMs: number;
  dispatchRetryMs: number;
  brokerTimeoutMs: number;
  /** Orders that may be in the intake at once, and that may wait to be sent, before 429. */
  maxUnderWay: number;
  maxQueued: number;
  /** How long the broker has to deny an order before it is sent again. */
  resendAfterMs: number;
  lookUpIntervalMs: number;
  /** How long a missing execution has to arrive by itself. */
  catchUpGraceMs: number;
  reconcileIntervalMs: number;
  reconcilePauseMs: number;
  reconcileMinAgeMs: number;
  /** How long orders are still taken after the broker's stream was lost. */
  streamGraceMs: number;
  streamReconnectMs: number;
  /** How long the engine counts as the one writer without a word to the database. */
  writerLeaseMs: number;
  /** Between two tries to become the writer. */
  writerRetryMs: number;
  /** How long a change of the trading state waits for requests that are under way. */
  quietTimeoutMs: number;
  riskTimeoutMs: number;
  riskStateIntervalMs: number;
  emergencyTimeoutMs: number;
  accountCacheMs: number;
  heartbeatMs: number;
}

export const ENGINE_SETTINGS: EngineSettings = {
  dispatchConcurrency: 64,
  intakeBusy: 32,
  intakeBusyForMs: 100,
  dispatchBusyIntervalMs: 50,
  dispatchRetryMs: 250,
  brokerTimeoutMs: 10_000,
  maxUnderWay: 2_000,
  maxQueued: 10_000,
  resendAfterMs: 5_000,
  lookUpIntervalMs: 200,
  catchUpGraceMs: 1_000,
  reconcileIntervalMs: 10_000,
  reconcilePauseMs: 250,
  reconcileMinAgeMs: 2_000,
  streamGraceMs: 10_000,
  streamReconnectMs: 200,
  writerLeaseMs: 5_000,
  writerRetryMs: 500,
  quietTimeoutMs: 12_000,
  riskTimeoutMs: 1_000,
  riskStateIntervalMs: 500,
  emergencyTimeoutMs: 25_000,
  accountCacheMs: 1_000,
  heartbeatMs: 1_000,
};
