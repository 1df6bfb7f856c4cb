import WebSocket from 'ws';
import type { Secret } from '@papergate/config';
import { actingHeaders, type ServiceApp } from '@papergate/service-kit';

export interface RelayOptions {
  /** Path here and there. */
  path: string;
  url: string;
  token: Secret | undefined;
}

const MAX_WAITING = 100;
const MAX_BUFFERED = 512 * 1024;
const RESUME_MS = 50;
/** 1013, "try again later": the page connects anew by itself. */
const TRY_LATER = 1013;

/**
 * Joins a page's WebSocket to a service's. A page that is slow makes the relay stop reading, so that the
 * service notices and leaves out for it what it leaves out for any slow viewer.
 */
export function relaySocket(app: ServiceApp, options: RelayOptions): void {
  const { path, token } = options;
  const target = `${options.url.replace(/^http/, 'ws')}${path}`;
  app.get(path, { websocket: true }, (page, request) => {
    const service = new WebSocket(target, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token.reveal()}`, ...actingHeaders(request) },
      handshakeTimeout: 5_000,
      perMessageDeflate: false,
    });
    const waiting: string[] = [];
    let timer: NodeJS.Timeout | undefined;

    page.on('message', (data) => {
      const text = Buffer.from(data as Buffer).toString('utf8');
      if (service.readyState === WebSocket.OPEN) service.send(text);
      else if (waiting.length < MAX_WAITING) waiting.push(text);
    });
    service.on('open', () => {
      for (const text of waiting.splice(0)) service.send(text);
    });
    service.on('message', (data: Buffer) => {
      page.send(data, { binary: false });
      if (page.bufferedAmount > MAX_BUFFERED && timer === undefined) {
        service.pause();
        timer = setInterval(() => {
          if (page.bufferedAmount > MAX_BUFFERED / 2) return;
          clearInterval(timer);
          timer = undefined;
          service.resume();
        }, RESUME_MS);
      }
    });

    const end = (): void => {
      clearInterval(timer);
      service.terminate();
      page.close(TRY_LATER, 'the service behind is gone');
    };
    service.on('close', end).on('error', end);
    page.on('close', end).on('error', end);
  });
}
