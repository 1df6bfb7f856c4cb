import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';
import { HttpError, type Envelope, type Signal } from '@papergate/service-kit';
import type { Intake } from './intake.ts';
import { readOrderRequest, signalOrderId } from './request.ts';

/**
 * Turns a signal into an order through the same intake as any other. Its client_order_id follows from the
 * signal, so a signal that comes twice is one order.
 */
export async function takeSignal(
  message: Envelope<unknown>,
  intake: Pick<Intake, 'submit'>,
  logger: Pick<Logger, 'info' | 'warn'>,
): Promise<void> {
  const signal = message.data as Partial<Signal>;
  const { id, strategy } = signal;
  if (typeof id !== 'string' || typeof strategy !== 'string') {
    logger.warn({ src: message.src, seq: message.seq }, 'a signal without id or strategy was left out');
    return;
  }
  try {
    const { terms } = readOrderRequest({
      symbol: signal.symbol,
      side: signal.side,
      type: 'market',
      quantity: signal.quantity,
    });
    const answer = await intake.submit({
      terms,
      clientOrderId: signalOrderId(strategy, id),
      source: 'signal',
      strategy,
      by: { actor: { name: `strategy:${strategy}`, role: 'trader' }, id },
    });
    logger.info({ signal: id, client_order_id: answer.client_order_id }, 'signal taken');
  } catch (error) {
    const code = error instanceof HttpError ? error.code : 'UNEXPECTED';
    logger.warn({ signal: id, code, reason: messageOf(error) }, 'signal not taken');
  }
}
