export * from './container-config.ts';
export * from './environment.ts';
export * from './infrastructure-files.ts';
export type * from './model.ts';
export * from './names.ts';
export * from './render.ts';
export * from './rules.ts';
export * from './secrets.ts';
