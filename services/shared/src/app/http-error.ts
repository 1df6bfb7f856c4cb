import type { FastifyReply } from 'fastify';
import { PapergateError } from '@papergate/config';

/** An HTTP answer other than 200, thrown from a handler: `{code, message, fix?}` with its status. */
export class HttpError extends PapergateError {
  readonly statusCode: number;
  readonly headers: Record<string, string>;

  constructor(
    statusCode: number,
    code: string,
    message: string,
    extra: { fix?: string; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super({ code, message, ...(extra.fix === undefined ? {} : { fix: extra.fix }), cause: extra.cause });
    this.statusCode = statusCode;
    this.headers = extra.headers ?? {};
  }
}

export function sendHttpError(reply: FastifyReply, error: HttpError): FastifyReply {
  const { statusCode, headers, code, message, fix } = error;
  return reply
    .code(statusCode)
    .headers(headers)
    .send({ code, message, ...(fix === undefined ? {} : { fix }) });
}
