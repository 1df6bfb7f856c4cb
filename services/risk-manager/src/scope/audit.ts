import { textOf, type ActingRequest, type Audited } from '@papergate/service-kit';

/**
 * What the audit says of a request for a scope. A lease that is only renewed, every few seconds by the same hand, makes no
 * row, as it makes none in `order_scope_changes`.
 */
export function newScopes(): (
  request: Pick<ActingRequest, 'actor'> & { body: unknown },
  statusCode: number,
) => Audited | undefined {
  let last: string | undefined;
  return ({ body, actor }, statusCode) => {
    const { stage, symbols, set_by: setBy } = (body ?? {}) as Record<string, unknown>;
    const said = JSON.stringify([stage, symbols, setBy, actor.name, statusCode < 400]);
    if (said === last) return undefined;
    last = said;
    const by = typeof setBy === 'string' ? ` (${setBy.slice(0, 100)})` : '';
    const reason = textOf(body, 'reason');
    return {
      action: 'scope.set',
      subject: textOf(body, 'stage'),
      reason: reason === undefined ? undefined : `${reason}${by}`,
    };
  };
}
