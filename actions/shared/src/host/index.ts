export { localHost, type LocalHostOptions } from './local/index.ts';
export { parseSshUrl, sshHost, type SshAddress, type SshHostOptions } from './ssh/index.ts';
export { shellCommand, shellQuote } from './quote.ts';
export type * from './types.ts';
