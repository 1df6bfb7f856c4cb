/** What the page may reach through its own origin, and nothing else. `prefix` is put before what follows the mount. */
export interface Mount {
  prefix: string;
  read: RegExp;
  write: RegExp;
}

export const ORCHESTRATOR: Mount = {
  prefix: '/api/v1/',
  read: /^(?:orders|orders\/[A-Za-z0-9._:-]+|positions|account|orchestration\/status|circuit-breaker\/status)$/,
  write: /^(?:circuit-breaker\/(?:trip|reset)|emergency-stop)$/,
};

export const OBSERVABILITY: Mount = {
  prefix: '/api/',
  read: /^(?:system\/status|system\/circuit-breaker\/status|trades\/pnl|risk\/exposure|risk\/scope|risk\/events|signals|metrics\/system|metrics\/history|storage\/stats)$/,
  // Nothing is written there from a page.
  write: /^(?!)$/,
};

/** The path at the other side, or undefined where the page has no business. `rest` is still percent-encoded. */
export function pathBehind(mount: Mount, method: string, rest: string): string | undefined {
  const allowed = method === 'GET' ? mount.read : mount.write;
  return allowed.test(rest) ? `${mount.prefix}${rest}` : undefined;
}
