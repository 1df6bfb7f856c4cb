import { describe, expect, test } from '@jest/globals';
import { testContext } from '@papergate/service-kit/testing';
import { brokerAddress } from './connect.ts';

const { env, system } = testContext('execution-engine');
const alpaca = {
  base_url: 'https://paper-api.alpaca.markets',
  trading_stream_url: 'wss://paper-api.alpaca.markets/stream',
  data_stream_url: 'wss://x/v2/iex',
  feed: 'iex' as const,
};

describe('where orders go', () => {
  test('in dry-run to the simulator, whatever the Alpaca settings say', () => {
    const address = brokerAddress(
      { ...env, alpacaPaper: false, alpacaBaseUrl: 'https://api.alpaca.markets' },
      { ...system, dry_run_broker_url: 'http://127.0.0.1:5600' },
    );
    expect(address).toEqual({ baseUrl: 'http://127.0.0.1:5600', streamUrl: 'ws://127.0.0.1:5600/stream', paper: true });
  });

  test('in paper mode to the configured host, with its stream', () => {
    const paper = { ...env, dryRun: false, environment: 'production' as const, alpacaBaseUrl: alpaca.base_url };
    expect(brokerAddress(paper, { ...system, alpaca })).toEqual({
      baseUrl: 'https://paper-api.alpaca.markets',
      streamUrl: 'wss://paper-api.alpaca.markets/stream',
      paper: true,
    });
    expect(brokerAddress({ ...paper, alpacaBaseUrl: 'http://127.0.0.1:1234' }, { ...system, alpaca }).streamUrl).toBe(
      'ws://127.0.0.1:1234/stream',
    );
  });

  test('live only in production', () => {
    const live = { ...env, dryRun: false, alpacaPaper: false };
    expect(() => brokerAddress(live, system)).toThrow('live orders are allowed in production only');
    expect(brokerAddress({ ...live, environment: 'production' }, system).paper).toBe(false);
  });
});
