/** Helpers of the services' tests: real parts on free ports, and waiting without sleeping. */
export * from './context.ts';
export * from './free-ports.ts';
export * from './postgres.ts';
export * from './roles.ts';
export * from './until.ts';
