import type { WebSocket } from 'ws';
import { Type } from 'typebox';
import { HttpError, PostedTickSchema, type ServiceApp } from '@papergate/service-kit';
import type { Environment } from '@papergate/config';
import type { Batcher } from '../bus/batcher.ts';
import type { StreamHub } from '../stream/hub.ts';
import type { Admission } from '../ticks/admit.ts';
import { postedDraft } from '../ticks/posted.ts';
import type { Tape } from '../ticks/tape.ts';
import type { Intake } from '../ticks/intake.ts';
import type { UpstreamStatus } from '../upstream/upstream.ts';

export interface RouteDependencies {
  environment: Environment;
  tape: Tape;
  intake: Intake;
  admission: Admission;
  batcher: Pick<Batcher, 'held'>;
  hub: Pick<StreamHub, 'add'>;
  upstream: () => UpstreamStatus;
  /** µs since 1970. */
  now: () => number;
}

const MAX_POSTED = 10_000;
const MAX_PAGE = 10_000;

const PostedBody = Type.Union([PostedTickSchema, Type.Array(PostedTickSchema, { minItems: 1, maxItems: MAX_POSTED })]);

const TickQuery = Type.Object(
  {
    epoch: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    after: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE })),
  },
  { additionalProperties: false },
);

export function addRoutes(app: ServiceApp, dependencies: RouteDependencies): void {
  const { environment, tape, intake, admission, batcher, hub, upstream, now } = dependencies;

  app.post('/api/v1/ticks', { schema: { body: PostedBody }, config: { role: 'trader' } }, (request) => {
    if (environment === 'production') {
      throw new HttpError(403, 'POSTING_REFUSED', 'in production ticks come from the exchange alone');
    }
    if (batcher.held) {
      throw new HttpError(503, 'BUS_BUSY', 'the subscribers of the bus do not keep up', {
        fix: 'send again after a moment; nothing of the request was taken',
        headers: { 'retry-after': '1' },
      });
    }
    const time = now();
    const posted = Array.isArray(request.body) ? request.body : [request.body];
    const drafts = posted.map((tick, index) => postedDraft(tick, index, admission, time));
    for (const draft of drafts) intake.take(draft);
    return { accepted: drafts.length };
  });

  app.get('/api/v1/ticks', { schema: { querystring: TickQuery } }, (request) => {
    const { epoch = tape.epoch, after = 0, limit = 1000 } = request.query;
    if (epoch !== tape.epoch) {
      throw new HttpError(404, 'EPOCH_UNKNOWN', `epoch is "${epoch}", the current one is "${tape.epoch}"`, {
        fix: 'its ticks ended with the process that numbered them; begin with the current epoch',
      });
    }
    const { oldest, last } = tape.ring;
    return { epoch: tape.epoch, oldest, last, ticks: tape.ring.read(after, limit) };
  });

  app.get('/api/v1/snapshot', () => ({ epoch: tape.epoch, n: tape.n, symbols: tape.book.view() }));

  app.get('/api/v1/stats', () => ({
    epoch: tape.epoch,
    n: tape.n,
    by_symbol: tape.all.report(),
    from_upstream: tape.upstream.report(),
    dropped: intake.dropped,
    regressions: tape.regressions,
    upstream: describe(upstream()),
  }));

  app.get('/stream', { websocket: true }, (socket: WebSocket) => hub.add(socket));
}

function describe({ state, reason, since, losses, paused }: UpstreamStatus): Record<string, unknown> {
  return { state, reason, since: new Date(since).toISOString(), losses, paused };
}
