/** The part of a `ws` socket that the streams use. */
export interface StreamSocket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(data: string | Uint8Array, options: { binary: boolean }, sent?: (error?: Error | null) => void): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
  on(event: 'message', listener: (data: Buffer | ArrayBuffer | Buffer[], isBinary: boolean) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

export const OPEN = 1;

/** What a client said of itself when it connected; header names are lower case. */
export type StreamHeaders = Readonly<Record<string, string | string[] | undefined>>;

export type Codec = 'json' | 'msgpack';

export function codecOf(headers: StreamHeaders): Codec {
  const type = headers['content-type'];
  return typeof type === 'string' && type.toLowerCase().startsWith('application/msgpack') ? 'msgpack' : 'json';
}

export function bytesOf(data: Buffer | ArrayBuffer | Buffer[]): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}
