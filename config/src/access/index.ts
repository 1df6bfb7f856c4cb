export * from './roles.ts';
export * from './tokens.ts';
