/** What a backtest runs strategies with: the very engine of the service, without its bus and its database. */
export { Engine, type EngineEvents } from './engine/engine.ts';
export { loadStrategies, type LoadedStrategy, type LoadOptions } from './plugins/load.ts';
export type { Failure } from './plugins/guard.ts';
export type { Signal } from '@papergate/service-kit';
