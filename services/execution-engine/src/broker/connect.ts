import { tradingMode, UserError, type RuntimeEnv, type SystemConfig } from '@papergate/config';

export interface BrokerAddress {
  /** REST, without a path. */
  baseUrl: string;
  /** trade_updates. */
  streamUrl: string;
  paper: boolean;
}

/**
 * Where orders go. In dry-run that is the exchange simulator whatever the Alpaca settings say; live only in
 * production. The credential policy has refused everything else before; this refuses it once more.
 */
export function brokerAddress(env: RuntimeEnv, system: SystemConfig): BrokerAddress {
  const mode = tradingMode(env);
  if (mode === 'live' && env.environment !== 'production') {
    throw new UserError({
      code: 'LIVE_OUTSIDE_PRODUCTION',
      message: `DRY_RUN and ALPACA_PAPER are false in ${env.environment}; live orders are allowed in production only`,
      fix: 'set DRY_RUN=true, or at least ALPACA_PAPER=true',
    });
  }
  if (mode === 'dry-run')
    return { baseUrl: system.dry_run_broker_url, streamUrl: streamOf(system.dry_run_broker_url), paper: true };
  const configured = env.alpacaBaseUrl === system.alpaca.base_url;
  return {
    baseUrl: env.alpacaBaseUrl.replace(/\/+$/, ''),
    streamUrl: configured ? system.alpaca.trading_stream_url : streamOf(env.alpacaBaseUrl),
    paper: env.alpacaPaper,
  };
}

function streamOf(baseUrl: string): string {
  const url = new URL('/stream', baseUrl);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
