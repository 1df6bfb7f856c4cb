import { resolve } from 'node:path';
import { UserError } from '@papergate/config';
import {
  buildServiceApp,
  busServer,
  isLoopback,
  listenHost,
  type RunningService,
  type ServiceContext,
} from '@papergate/service-kit';
import { wallClock } from './clock/clock.ts';
import { alwaysOpen } from './clock/hours.ts';
import { buildExchange, type Exchange } from './exchange.ts';
import { busSource } from './market/bus-source.ts';
import { exchangeMetrics } from './metrics.ts';
import { exchangeRoutes, openPaths } from './routes.ts';
import { openReplay, randomSource, replaySource } from './sources.ts';
import { parseScaled } from './units/amounts.ts';

/** The exchange as a service of the bundle: market and money from the system configuration, keys from the environment. */
export async function buildPaperExchange(
  context: ServiceContext,
  options: { stateDir?: string | undefined } = {},
): Promise<RunningService> {
  const { system, env } = context;
  refuseOutsideDryRun(context);
  const { source, replay_paths: paths, seed } = system.exchange;
  const replay = source === 'replay' ? await openReplay(paths.map((path) => resolve(path))) : undefined;
  const symbols = [...new Set([...system.symbols, ...(replay?.symbols ?? [])])];

  const exchange = buildExchange({
    key: env.alpacaApiKey,
    secret: env.alpacaSecretKey,
    // Also for a replay: the bundle trades now, whatever day its prices are from, and reconciles by its own clock.
    clock: wallClock(),
    hours: alwaysOpen(),
    symbols,
    startingCash: parseScaled(system.exchange.starting_cash, 15) ?? 0n,
    rateLimit: system.exchange.rate_limit_per_minute,
    seed,
    ...(options.stateDir === undefined ? {} : { stateDir: resolve(options.stateDir) }),
  });
  if (replay !== undefined) {
    const onFailure = (error: unknown): void => context.logger.error({ err: error }, 'the replay ended early');
    exchange.use(
      replaySource(exchange, { files: replay.files, speed: system.exchange.speed, autostart: false, onFailure }),
    );
  } else if (source === 'bus') exchange.use(bookOfMarketData(exchange, context));
  else exchange.use(randomSource(exchange, { symbols, seed, ticksPerSecond: system.exchange.ticks_per_second }));

  const sim = isLoopback(listenHost('paper-exchange', system, env)) ? 'loopback' : 'token';
  const app = await buildServiceApp({ ...context, open: openPaths(sim), bodyLimit: 32 * 1024 * 1024 });
  await exchangeRoutes(app, exchange, sim);
  const refresh = exchangeMetrics(context.metrics, exchange);
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.url === '/metrics') refresh();
    done();
  });
  return { app, start: () => exchange.start(), stop: () => exchange.stop() };
}

function bookOfMarketData(exchange: Exchange, { system, bus, logger }: ServiceContext) {
  return busSource({
    endpoint: busServer(system, 'market-data'),
    bus,
    publish: (ticks) => exchange.publish(ticks),
    onError: (error) => logger.error({ err: error }, 'a message of the bus could not be used'),
  });
}

/** It fills orders with nobody's money: where real orders are meant, it must not be in the way. */
function refuseOutsideDryRun({ env }: ServiceContext): void {
  if (env.environment !== 'development' && !env.dryRun) {
    throw new UserError({
      code: 'EXCHANGE_NOT_FOR_LIVE',
      message: `the exchange simulator was started in ${env.environment} with DRY_RUN=false`,
      fix: 'leave paper-exchange out of this deployment, or set DRY_RUN=true',
    });
  }
  if (env.alpacaApiKey.isEmpty || env.alpacaSecretKey.isEmpty) {
    throw new UserError({
      code: 'EXCHANGE_KEY_MISSING',
      message: 'ALPACA_API_KEY or ALPACA_SECRET_KEY is missing; the exchange admits exactly that key',
      fix: 'set both, to the values that the other services use',
    });
  }
}
