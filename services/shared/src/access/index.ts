export * from './actor.ts';
export * from './control.ts';
export * from './directory.ts';
export * from './audit.ts';
