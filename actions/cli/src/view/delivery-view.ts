import { deliveryLine, type DeliverEvent } from '@papergate/delivery';
import type { Output } from '../output.ts';

export { deliveryLine, outcomeText, recoveredLine } from '@papergate/delivery';

/** Shows what the delivery engine does, one line a step; nothing where the command prints JSON. */
export function showDelivery(output: Output, json: boolean): (event: DeliverEvent) => void {
  if (json) return () => {};
  return (event) => {
    const line = deliveryLine(event);
    if (line !== undefined) output.err(line);
  };
}
