/** Times of the risk manager that are no matter of a deployment's taste; tests shorten them. */
export interface RiskSettings {
  /** Between two comparisons with the database, ms. */
  syncIntervalMs: number;
  /** Between two tries while there has been none, ms. */
  firstSyncRetryMs: number;
  /** Between two looks at the account, ms; and while its equity is not known. */
  equityIntervalMs: number;
  firstEquityRetryMs: number;
  /** How old the engine's answer about the account may be, ms: more than it keeps one. */
  accountLagMs: number;
  /** ms that a trip waits for orders that are on their way to the broker. */
  settleMs: number;
  protectionRetryMs: number;
  /** Between two tries to read the stored order scope, and between two looks whether its time is over, ms. */
  scopeIntervalMs: number;
}

export const RISK_SETTINGS: RiskSettings = {
  syncIntervalMs: 10_000,
  firstSyncRetryMs: 250,
  equityIntervalMs: 5_000,
  firstEquityRetryMs: 250,
  accountLagMs: 2_000,
  settleMs: 2_500,
  protectionRetryMs: 5_000,
  scopeIntervalMs: 250,
};
