import { NotFoundError, type Alpaca } from '@alpacahq/alpaca-trade-api';
import { Big } from '@papergate/service-kit';
import type { BrokerExecution } from './broker.ts';

/** Pages that are read before the caller has to do without the list. */
const PAGES = 20;
const PAGE_SIZE = 100;

type Activity = Awaited<ReturnType<Alpaca['trading']['accountActivities']['getAccountActivities']>>[number];

/**
 * Executions out of the account's activities, by their order's id at the broker, oldest first; undefined where the
 * broker keeps none, or more since `since` (ms since 1970) than is worth reading.
 */
export async function listExecutions(
  trading: Pick<Alpaca['trading'], 'accountActivities'>,
  since: number,
): Promise<Map<string, BrokerExecution[]> | undefined> {
  const found = new Map<string, BrokerExecution[]>();
  let pageToken: string | undefined;
  for (let pages = 0; pages < PAGES; pages += 1) {
    let page: Activity[];
    try {
      page = await trading.accountActivities.getAccountActivities({
        activityTypes: ['FILL'],
        after: new Date(since),
        direction: 'asc',
        pageSize: PAGE_SIZE,
        ...(pageToken === undefined ? {} : { pageToken }),
      });
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
    for (const activity of page) {
      if (activity.orderId === undefined) continue;
      const known = found.get(activity.orderId) ?? [];
      known.push(...toExecution(activity));
      found.set(activity.orderId, known);
    }
    const last = page.at(-1)?.id;
    if (page.length < PAGE_SIZE || last === undefined || last === pageToken) return found;
    pageToken = last;
  }
  return undefined;
}

/** An activity's id is `<time>::<execution id>`. One without the numbers that make a fill is none. */
function toExecution({ id, qty, price, transactionTime, cumQty }: Activity): BrokerExecution[] {
  if (id === undefined || qty === undefined || price === undefined || transactionTime === undefined) return [];
  return [
    {
      executionId: id.includes('::') ? id.slice(id.indexOf('::') + 2) : id,
      quantity: new Big(qty),
      price: new Big(price),
      at: transactionTime.getTime(),
      cumulative: cumQty === undefined ? undefined : new Big(cumQty),
    },
  ];
}
