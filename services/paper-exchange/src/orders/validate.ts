import { refusals } from '../errors.ts';
import { isWholeShares } from '../units/amounts.ts';
import {
  bodyOf,
  booleanField,
  choiceField,
  notionalField,
  percentField,
  priceField,
  qtyField,
  textField,
  type Body,
} from './fields.ts';
import { ORDER_TYPES, TIMES_IN_FORCE, type OrderClass, type OrderSpec } from './model.ts';

const SIDES = ['buy', 'sell'] as const;

/** Checks `POST /v2/orders` for everything that can be said without knowing market or account. */
export function readOrderRequest(value: unknown, newId: () => string): OrderSpec {
  const body = bodyOf(value, 'an order');
  const orderClass = readClass(body);
  const symbol = textField(body, 'symbol');
  if (symbol === undefined) throw refusals.invalid('symbol is required');
  const side = choiceField(body, 'side', SIDES);
  if (side === undefined) throw refusals.invalid('side is required');
  const type = choiceField(body, 'type', ORDER_TYPES) ?? (orderClass === 'oco' ? 'limit' : undefined);
  if (type === undefined) throw refusals.invalid('type is required');
  const tif = choiceField(body, 'time_in_force', TIMES_IN_FORCE);
  if (tif === undefined) throw refusals.invalid('time_in_force is required');
  const clientOrderId = textField(body, 'client_order_id') ?? newId();
  if (clientOrderId.length > 128) throw refusals.invalid('client_order_id must be no more than 128 characters');

  const spec: OrderSpec = {
    clientOrderId,
    symbol,
    side,
    type,
    tif,
    orderClass,
    extendedHours: booleanField(body, 'extended_hours'),
    qty: qtyField(body) ?? null,
    notional: notionalField(body) ?? null,
    limit: priceField(body, 'limit_price') ?? null,
    stop: priceField(body, 'stop_price') ?? null,
    trailPrice: priceField(body, 'trail_price') ?? null,
    trailPercent: percentField(body, 'trail_percent') ?? null,
    takeProfit: readTakeProfit(body),
    stopLoss: readStopLoss(body),
  };
  if (orderClass === 'oco') spec.limit ??= spec.takeProfit?.limit ?? null;
  checkAmount(spec);
  checkPrices(spec);
  checkTimeInForce(spec);
  checkClass(spec);
  return spec;
}

function readClass(body: Body): OrderClass {
  const found = choiceField(body, 'order_class', ['simple', 'bracket', 'oco', 'oto', 'mleg'] as const) ?? 'simple';
  if (found === 'mleg') throw refusals.unprocessable('mleg orders are for options, which this exchange does not list');
  return found;
}

function readTakeProfit(body: Body): OrderSpec['takeProfit'] {
  if (body['take_profit'] === undefined || body['take_profit'] === null) return null;
  const part = bodyOf(body['take_profit'], 'take_profit');
  const limit = priceField(part, 'limit_price', 'take_profit.limit_price');
  if (limit === undefined) throw refusals.invalid('take_profit.limit_price is required');
  return { limit };
}

function readStopLoss(body: Body): OrderSpec['stopLoss'] {
  if (body['stop_loss'] === undefined || body['stop_loss'] === null) return null;
  const part = bodyOf(body['stop_loss'], 'stop_loss');
  const stop = priceField(part, 'stop_price', 'stop_loss.stop_price');
  if (stop === undefined) throw refusals.invalid('stop_loss.stop_price is required');
  return { stop, limit: priceField(part, 'limit_price', 'stop_loss.limit_price') ?? null };
}

function checkAmount({ qty, notional, type, tif, orderClass, extendedHours }: OrderSpec): void {
  if (qty === null && notional === null) throw refusals.invalid('qty or notional is required');
  if (qty !== null && notional !== null) throw refusals.invalid('only one of qty or notional is accepted');
  if (notional !== null && type !== 'market') throw refusals.unprocessable('notional orders must be market orders');
  const fractional = notional !== null || (qty !== null && !isWholeShares(qty));
  if (!fractional) return;
  if (tif !== 'day') throw refusals.unprocessable('fractional orders must be DAY orders');
  if (type === 'trailing_stop') throw refusals.unprocessable('fractional orders cannot be trailing stop orders');
  if (orderClass !== 'simple') throw refusals.unprocessable('fractional orders must be simple orders');
  if (extendedHours && type !== 'limit') throw refusals.unprocessable('extended hours order must be DAY limit orders');
}

function checkPrices({ type, limit, stop, trailPrice, trailPercent }: OrderSpec): void {
  const trails = Number(trailPrice !== null) + Number(trailPercent !== null);
  if (type !== 'trailing_stop' && trails > 0) {
    throw refusals.invalid('trail_price and trail_percent are for trailing_stop orders only');
  }
  switch (type) {
    case 'market':
      if (limit !== null || stop !== null) throw refusals.invalid('market orders require no limit or stop price');
      return;
    case 'limit':
      if (limit === null) throw refusals.invalid('limit orders require a limit price');
      if (stop !== null) throw refusals.invalid('limit orders require only limit price');
      return;
    case 'stop':
      if (stop === null) throw refusals.invalid('stop orders require a stop price');
      if (limit !== null) throw refusals.invalid('stop orders require only stop price');
      return;
    case 'stop_limit':
      if (limit === null || stop === null)
        throw refusals.invalid('stop limit orders require both stop and limit price');
      return;
    case 'trailing_stop':
      if (limit !== null || stop !== null) {
        throw refusals.invalid('trailing stop orders require no limit or stop price');
      }
      if (trails !== 1) throw refusals.invalid('trailing stop orders require one of trail_price or trail_percent');
  }
}

function checkTimeInForce({ type, tif, extendedHours, orderClass }: OrderSpec): void {
  if (tif !== 'day' && tif !== 'gtc' && type !== 'market' && type !== 'limit') {
    throw refusals.unprocessable(`invalid order type for ${tif} order: only market and limit orders are allowed`);
  }
  if (extendedHours && (type !== 'limit' || (tif !== 'day' && tif !== 'gtc'))) {
    throw refusals.unprocessable('extended hours order must be DAY limit orders');
  }
  if (orderClass === 'simple') return;
  if (extendedHours) throw refusals.unprocessable('extended hours orders must be simple orders');
  if (tif !== 'day' && tif !== 'gtc') throw refusals.unprocessable(`${orderClass} orders must be DAY or GTC orders`);
}

function checkClass(spec: OrderSpec): void {
  const { orderClass, type, side, takeProfit, stopLoss, limit } = spec;
  if (orderClass === 'simple') {
    if (takeProfit !== null || stopLoss !== null) {
      throw refusals.invalid('simple orders take no take_profit or stop_loss: set order_class');
    }
    return;
  }
  if (orderClass === 'oto') {
    if ((takeProfit === null) === (stopLoss === null)) {
      throw refusals.invalid('oto orders require one of take_profit or stop_loss');
    }
  } else if (takeProfit === null || stopLoss === null) {
    throw refusals.invalid(`${orderClass} orders require take_profit.limit_price and stop_loss.stop_price`);
  }
  if (orderClass === 'oco' && type !== 'limit') throw refusals.invalid('oco orders must be limit orders');
  if (orderClass !== 'oco' && type !== 'market' && type !== 'limit') {
    throw refusals.unprocessable(`${orderClass} orders must be market or limit entry orders`);
  }
  // The exits of a buy lie around its price; those of a sell the other way round. An oco is itself an exit.
  const long = orderClass === 'oco' ? side === 'sell' : side === 'buy';
  const wrong = (upper: number, lower: number): boolean => (long ? upper < lower + 10_000 : upper > lower - 10_000);
  const sign = long ? ['>=', '+'] : ['<=', '-'];
  if (takeProfit !== null && stopLoss !== null && wrong(takeProfit.limit, stopLoss.stop)) {
    throw refusals.unprocessable(`take_profit.limit_price must be ${sign[0]} stop_loss.stop_price ${sign[1]} 0.01`);
  }
  if (orderClass === 'oco' || limit === null) return;
  if (stopLoss !== null && wrong(limit, stopLoss.stop)) {
    throw refusals.unprocessable(
      `stop_loss.stop_price must be ${long ? '<=' : '>='} base_price ${long ? '-' : '+'} 0.01`,
    );
  }
  if (takeProfit !== null && wrong(takeProfit.limit, limit)) {
    throw refusals.unprocessable(`take_profit.limit_price must be ${sign[0]} base_price ${sign[1]} 0.01`);
  }
}
