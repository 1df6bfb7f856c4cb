import { Type } from 'typebox';
import { ReasonSchema, type ServiceApp } from '@papergate/service-kit';
import type { StateWatch } from '../breaker/state.ts';
import { describeStop, emergencyStop, type EmergencyStopOptions } from './stop.ts';

const StopBody = Type.Object({ reason: Type.Optional(ReasonSchema) }, { additionalProperties: false });

/** `POST /api/v1/emergency-stop`: 200 once the broker confirms that no order is open, else 503 with what is and is not done. */
export function emergencyRoutes(
  app: ServiceApp,
  options: Omit<EmergencyStopOptions, 'acting'>,
  watch: StateWatch,
): void {
  app.post(
    '/api/v1/emergency-stop',
    { schema: { body: StopBody }, preValidation: emptyBodyIsNone },
    async (request, reply) => {
      const report = await emergencyStop(request.body.reason ?? 'emergency stop', { ...options, acting: request });
      await watch.refresh();
      request.log.warn({ report }, 'emergency stop');
      if (report.halted && report.none_open) return reply.send({ status: 'stopped', ...report });
      return reply
        .code(503)
        .header('retry-after', '1')
        .send({
          code: 'EMERGENCY_STOP_INCOMPLETE',
          message: describeStop(report),
          fix: 'send the same request again: repeating it is safe; if it fails again, cancel at the broker by hand',
          ...report,
        });
    },
  );
}

/** The stop must also work for somebody who sends no body. */
function emptyBodyIsNone(request: { body: unknown }, _reply: unknown, done: () => void): void {
  request.body ??= {};
  done();
}
