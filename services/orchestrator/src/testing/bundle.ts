import { createPublisher, type BusPublisher, type RunningService } from '@papergate/service-kit';
import { testContext, until, type TestContextOptions } from '@papergate/service-kit/testing';
import { buildOrchestrator, type OrchestratorOverrides } from '../build.ts';
import { startServiceDouble, type ServiceDouble } from './service-double.ts';

const DOUBLES = ['market-data', 'risk-manager', 'execution-engine', 'signal-bridge', 'observability-api'] as const;

/** An orchestrator among doubles of its siblings and a real PUB socket, all on free ports. */
export interface TestBundle {
  service: RunningService;
  context: ReturnType<typeof testContext>;
  bus: BusPublisher;
  doubles: Record<(typeof DOUBLES)[number], ServiceDouble>;
  close(): Promise<void>;
}

export async function startTestBundle(
  options: Omit<TestContextOptions, 'system'> & { overrides?: OrchestratorOverrides; production?: boolean } = {},
): Promise<TestBundle> {
  const bus = await createPublisher({ service: 'market-data', host: '127.0.0.1', port: 0 });
  const started = await Promise.all(DOUBLES.map(async (name) => [name, await startServiceDouble()] as const));
  const doubles = Object.fromEntries(started) as TestBundle['doubles'];
  doubles['risk-manager'].answers.set('GET /api/v1/circuit-breaker/status', {
    body: { state: 'ACTIVE', tripped: false, reason: 'first start', since: '2026-03-02T14:31:07.000Z' },
  });
  const context = testContext('orchestrator', {
    ...options,
    system: ({ services }) => {
      for (const name of DOUBLES) services[name].http_port = doubles[name].port;
      // Nobody is there: whoever is asked refuses the connection.
      services['paper-exchange'].http_port = 1;
      services.dashboard.http_port = 1;
      services['market-data'].bus_port = bus.port;
    },
  });
  if (options.production === true) context.env.environment = 'production';
  const service = await buildOrchestrator(context, {
    statusIntervalMs: 50,
    orderTimeoutMs: 1_000,
    stateMaxAgeMs: 1_000,
    ...options.overrides,
  });
  await service.start?.();
  await until('the order path to be seen', async () => (await service.app.inject('/health/ready')).statusCode === 200);
  return {
    service,
    context,
    bus,
    doubles,
    async close() {
      await service.stop?.();
      await service.app.close();
      await Promise.all([bus.close(), ...Object.values(doubles).map((double) => double.close())]);
    },
  };
}
