export * from './actor.ts';
export * from './audit.ts';
export * from './audited.ts';
export * from './control.ts';
export * from './directory.ts';
