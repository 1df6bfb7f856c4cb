import type { GateContext, GateFiles } from './types.ts';
import type { PromotionGitHub } from './github.ts';

/**
 * The same context, in which every question is asked once: all rules judge one picture, and GitHub's limit of requests is spared.
 * A question that failed has failed for all.
 */
export function snapshotOf(context: GateContext): GateContext {
  const asked = new Map<string, unknown>();
  const once = <T>(key: string, ask: () => T): T => {
    if (!asked.has(key)) asked.set(key, ask());
    return asked.get(key) as T;
  };
  const remembering = <T extends object>(of: T, name: string): T =>
    new Proxy(of, {
      get(target, key) {
        const method: unknown = Reflect.get(target, key);
        if (typeof method !== 'function' || typeof key !== 'string') return method;
        return (...args: unknown[]) =>
          once(`${name}.${key} ${JSON.stringify(args)}`, () => method.apply(target, args) as unknown);
      },
    });
  return {
    ...context,
    now: () => once('now', () => context.now()),
    prometheus: () => remembering(context.prometheus(), 'prometheus'),
    github: remembering<PromotionGitHub>(context.github, 'github'),
    files: remembering<GateFiles>(context.files, 'files'),
  };
}
