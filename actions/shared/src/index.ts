export * from './evidence/index.ts';
export * from './postgres/index.ts';
