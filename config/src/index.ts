export * from './errors.ts';
export { Secret } from './secret.ts';
export * from './schema/system.ts';
export * from './schema/risk-limits.ts';
export * from './schema/runtime.ts';
export * from './load/index.ts';
export * from './env.ts';
export * from './policy/index.ts';
export * from './validate.ts';
