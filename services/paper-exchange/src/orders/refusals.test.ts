import { describe, expect, test } from '@jest/globals';
import { Core, refusalOf } from '../testing/make-core.ts';

type Json = Record<string, unknown>;

function core(options: ConstructorParameters<typeof Core>[0] = {}): Core {
  const made = new Core(options);
  made.quote(99, 101);
  made.trade(100);
  return made;
}

describe('what Alpaca refuses is refused with its status, code and words', () => {
  const bracket = { order_class: 'bracket', take_profit: { limit_price: '110' }, stop_loss: { stop_price: '90' } };
  const cases: [what: string, order: Json, status: number, code: number, message: string][] = [
    ['no symbol', { symbol: undefined }, 422, 40010001, 'symbol is required'],
    ['an unknown symbol', { symbol: 'NOPE' }, 422, 42210000, 'could not find asset "NOPE"'],
    ['no side', { side: null }, 422, 40010001, 'side is required'],
    ['an unknown side', { side: 'hold' }, 422, 40010001, 'invalid side hold: allowed are buy, sell'],
    [
      'an unknown type',
      { type: 'iceberg' },
      422,
      40010001,
      'invalid type iceberg: allowed are market, limit, stop, stop_limit, trailing_stop',
    ],
    ['no time in force', { time_in_force: '' }, 422, 40010001, 'time_in_force is required'],
    ['no amount', { qty: null }, 422, 40010001, 'qty or notional is required'],
    ['two amounts', { qty: '1', notional: '5' }, 422, 40010001, 'only one of qty or notional is accepted'],
    ['quantity zero', { qty: 0 }, 422, 40010001, 'qty must be > 0'],
    ['a negative quantity', { qty: '-5' }, 422, 40010001, 'qty must be > 0'],
    ['a quantity that is no number', { qty: 'ten' }, 422, 40010001, 'invalid qty ten: at most 9 decimal places'],
    [
      'a quantity that is a list',
      { qty: [1] },
      400,
      40010000,
      'request body format is invalid: qty must be a number or a decimal string',
    ],
    [
      'a notional limit order',
      { notional: '50', type: 'limit', limit_price: '1' },
      422,
      42210000,
      'notional orders must be market orders',
    ],
    ['less than a dollar', { notional: '0.5' }, 422, 40010001, 'notional must be >= 1'],
    [
      'a fraction that is good till cancelled',
      { qty: '0.5', time_in_force: 'gtc' },
      422,
      42210000,
      'fractional orders must be DAY orders',
    ],
    ['a fractional bracket', { ...bracket, qty: '0.5' }, 422, 42210000, 'fractional orders must be simple orders'],
    ['a limit order without a limit', { type: 'limit' }, 422, 40010001, 'limit orders require a limit price'],
    [
      'a market order with a limit',
      { limit_price: '5' },
      422,
      40010001,
      'market orders require no limit or stop price',
    ],
    ['a stop order without a stop', { type: 'stop' }, 422, 40010001, 'stop orders require a stop price'],
    [
      'a stop-limit with half its prices',
      { type: 'stop_limit', stop_price: '5' },
      422,
      40010001,
      'stop limit orders require both stop and limit price',
    ],
    [
      'a trail of two kinds',
      { type: 'trailing_stop', trail_price: '1', trail_percent: '1' },
      422,
      40010001,
      'trailing stop orders require one of trail_price or trail_percent',
    ],
    [
      'a trail on a market order',
      { trail_price: '1' },
      422,
      40010001,
      'trail_price and trail_percent are for trailing_stop orders only',
    ],
    [
      'a price below a cent apart',
      { type: 'limit', limit_price: '100.123' },
      422,
      42210000,
      'invalid limit_price 100.123. sub-penny increment does not fulfill minimum pricing criteria',
    ],
    [
      'five decimals below a dollar',
      { type: 'limit', limit_price: '0.12345' },
      422,
      42210000,
      'invalid limit_price 0.12345. sub-penny increment does not fulfill minimum pricing criteria',
    ],
    ['a price of zero', { type: 'limit', limit_price: '0' }, 422, 40010001, 'invalid limit_price: must be > 0'],
    [
      'a stop for the opening',
      { type: 'stop', stop_price: '5', time_in_force: 'opg' },
      422,
      42210000,
      'invalid order type for opg order: only market and limit orders are allowed',
    ],
    [
      'a market order for extended hours',
      { extended_hours: true },
      422,
      42210000,
      'extended hours order must be DAY limit orders',
    ],
    [
      'a client_order_id of 129 letters',
      { client_order_id: 'x'.repeat(129) },
      422,
      40010001,
      'client_order_id must be no more than 128 characters',
    ],
    [
      'options',
      { order_class: 'mleg' },
      422,
      42210000,
      'mleg orders are for options, which this exchange does not list',
    ],
    [
      'a bracket without exits',
      { order_class: 'bracket' },
      422,
      40010001,
      'bracket orders require take_profit.limit_price and stop_loss.stop_price',
    ],
    [
      'a bracket upside down',
      { ...bracket, take_profit: { limit_price: '80' } },
      422,
      42210000,
      'take_profit.limit_price must be >= stop_loss.stop_price + 0.01',
    ],
    [
      'a stop-loss above the entry’s limit',
      { ...bracket, type: 'limit', limit_price: '85' },
      422,
      42210000,
      'stop_loss.stop_price must be <= base_price - 0.01',
    ],
    [
      'a stop-loss at the market',
      { ...bracket, stop_loss: { stop_price: '100' } },
      422,
      42210000,
      'stop_loss.stop_price must be <= base_price - 0.01 (base_price: 100)',
    ],
    [
      'a bracket for ioc',
      { ...bracket, time_in_force: 'ioc' },
      422,
      42210000,
      'bracket orders must be DAY or GTC orders',
    ],
    [
      'an oto with two exits',
      { ...bracket, order_class: 'oto' },
      422,
      40010001,
      'oto orders require one of take_profit or stop_loss',
    ],
    [
      'exits on a simple order',
      { take_profit: { limit_price: '110' } },
      422,
      40010001,
      'simple orders take no take_profit or stop_loss: set order_class',
    ],
    ['a fractional short', { side: 'sell', qty: '0.5' }, 422, 42210000, 'fractional orders cannot be sold short'],
    ['more than the account can buy', { qty: '10000' }, 403, 40310000, 'insufficient buying power'],
  ];

  test.each(cases)('%s', (_what, order, status, code, message) => {
    const made = core();
    expect(made.refusal(order)).toMatchObject({ status, code, message });
    expect(made.exchange.store.size).toBe(0);
    expect(made.ledger()).toMatchObject([{ kind: 'refusal', status, code, message }]);
  });

  test('a body that is no object', () => {
    for (const body of [null, 'order', 5, []]) {
      expect(refusalOf(() => core().exchange.desk.submit(body))).toMatchObject({ status: 400, code: 40010000 });
    }
  });

  test('prices below a dollar may have four decimals', () => {
    expect(core().submit({ type: 'limit', limit_price: '0.1234' })).toBeDefined();
  });

  test('a client_order_id is taken for ever', () => {
    const made = core();
    made.cancel(made.submit({ type: 'limit', limit_price: '50', client_order_id: 'mine' }));
    expect(made.refusal({ client_order_id: 'mine' })).toMatchObject({
      status: 422,
      code: 40010001,
      message: 'client_order_id must be unique',
    });
  });
});

describe('buying power', () => {
  test('open orders claim it until they end', () => {
    const made = core({ multiplier: 1, startingCash: 1000 });
    const id = made.submit({ type: 'limit', limit_price: '90', qty: '10' });
    expect(made.refusal({ type: 'limit', limit_price: '90', qty: '2' })).toMatchObject({
      status: 403,
      buying_power: '100',
      cost_basis: '180',
    });
    made.cancel(id);
    expect(made.submit({ type: 'limit', limit_price: '90', qty: '11' })).toBeDefined();
  });

  test('a margin account has twice its equity, less what it holds', () => {
    const made = core({ startingCash: 1000 });
    expect(made.refusal({ qty: '20' })).toMatchObject({ buying_power: '2000', cost_basis: '2020' });
    made.submit({ qty: '19' });
    expect(made.refusal({ qty: '1' })).toMatchObject({ message: 'insufficient buying power' });
  });

  test('a short claims three percent above the ask', () => {
    const made = core({ startingCash: 1000 });
    expect(made.refusal({ side: 'sell', qty: '20' })).toMatchObject({ cost_basis: '2080.6' });
    made.submit({ side: 'sell', qty: '10' });
    expect(made.exchange.account.held('AAPL')).toBe(-10_000_000_000n);
  });

  test('a cash account cannot short, nor one that has switched it off', () => {
    expect(core({ multiplier: 1 }).refusal({ side: 'sell' })).toMatchObject({
      status: 403,
      message: 'account is not allowed to short',
    });
    const made = core();
    made.exchange.settings.no_shorting = true;
    expect(made.refusal({ side: 'sell' })).toMatchObject({ status: 403, message: 'account is not allowed to short' });
  });

  test('a suspended account places nothing', () => {
    const made = core();
    made.exchange.settings.suspend_trade = true;
    expect(made.refusal()).toMatchObject({ status: 403, message: 'new orders are rejected by user request' });
  });
});

describe('shares', () => {
  test('no more can be sold than is held and free', () => {
    const made = core();
    made.submit({ qty: '10' });
    const held = made.submit({ side: 'sell', type: 'limit', limit_price: '120', qty: '6' });
    expect(made.refusal({ side: 'sell', type: 'limit', limit_price: '120', qty: '5' })).toMatchObject({
      status: 403,
      code: 40310000,
      message: 'insufficient qty available for order (requested: 5, available: 4)',
      available: '4',
      existing_qty: '10',
      held_for_orders: '6',
      related_orders: [held],
    });
  });

  test('no more can be bought back than is short', () => {
    const made = core();
    made.submit({ side: 'sell', qty: '10' });
    expect(made.refusal({ qty: '11' })).toMatchObject({
      message: 'insufficient qty available for order (requested: 11, available: 10)',
    });
  });
});

describe('wash trades', () => {
  test.each<[string, Json, Json, boolean]>([
    ['a market order meets a resting limit', { type: 'limit', limit_price: '120' }, {}, true],
    ['a limit meets a resting stop', { type: 'stop', stop_price: '90' }, { type: 'limit', limit_price: '80' }, true],
    ['limits that cross', { type: 'limit', limit_price: '120' }, { type: 'limit', limit_price: '120' }, true],
    [
      'limits that do not cross',
      { type: 'limit', limit_price: '120' },
      { type: 'limit', limit_price: '119.99' },
      false,
    ],
    ['a trailing stop is exempt', { type: 'trailing_stop', trail_price: '5' }, {}, false],
  ])('%s', (_what, resting, arriving, refused) => {
    const made = core();
    made.submit({ qty: '10' });
    const existing = made.submit({ ...resting, side: 'sell' });
    if (refused) {
      expect(made.refusal({ ...arriving, qty: '1' })).toMatchObject({
        status: 403,
        code: 40310000,
        message: 'potential wash trade detected. use complex orders',
        existing_order_id: existing,
      });
    } else expect(made.submit({ ...arriving, qty: '1' })).toBeDefined();
  });

  test('flat, an order that would go long keeps one that would go short away, and the other way round', () => {
    const made = core();
    const buy = made.submit({ type: 'limit', limit_price: '90' });
    expect(made.refusal({ side: 'sell', type: 'limit', limit_price: '120' })).toMatchObject({
      message: 'cannot open a short sell while a long buy order is open',
      existing_order_id: buy,
    });
    made.cancel(buy);
    made.submit({ side: 'sell', type: 'limit', limit_price: '120' });
    expect(made.refusal({ type: 'limit', limit_price: '90' })).toMatchObject({
      message: 'cannot open a long buy while a short sell order is open',
    });
  });
});

describe('replacing', () => {
  test('a new order takes the old one’s place, linked both ways', () => {
    const made = core();
    const old = made.submit({ type: 'limit', limit_price: '90' });
    const id = made.replace(old, { limit_price: '95', qty: '12', client_order_id: 'second', time_in_force: 'gtc' });
    expect(made.order(old)).toMatchObject({ status: 'replaced', replaced_by: id, replaced_at: expect.any(String) });
    expect(made.order(id)).toMatchObject({
      status: 'new',
      replaces: old,
      limit_price: '95',
      qty: '12',
      client_order_id: 'second',
      time_in_force: 'gtc',
    });
    expect(made.events(old)).toEqual(['pending_new', 'new', 'replaced']);
    made.quote(94, 95);
    expect(made.status(id)).toBe('filled');
    expect(made.exchange.account.held('AAPL')).toBe(12_000_000_000n);
  });

  test('what was filled before counts towards the new quantity', () => {
    const made = core();
    const old = made.submit({ type: 'limit', limit_price: '90' });
    made.quote(89, 90, { askSize: 4 });
    expect(made.order(made.replace(old, { qty: '12' }))).toMatchObject({ qty: '8' });
  });

  test.each<[string, Json, Json, string]>([
    ['less than was filled', {}, { qty: '4' }, 'qty must be > filled_qty'],
    ['a fraction', {}, { qty: '10.5' }, 'qty must be in whole shares'],
    ['a stop price on a limit order', {}, { stop_price: '5' }, 'limit orders take no stop_price'],
    ['a trail on a limit order', {}, { trail: '5' }, 'trail is for trailing_stop orders only'],
    [
      'a price below a cent apart',
      {},
      { limit_price: '90.001' },
      'invalid limit_price 90.001. sub-penny increment does not fulfill minimum pricing criteria',
    ],
    [
      'a client_order_id that exists',
      { client_order_id: 'first' },
      { client_order_id: 'first' },
      'client_order_id must be unique',
    ],
    ['more than can be paid', {}, { qty: '10000' }, 'insufficient buying power'],
  ])('%s is refused and changes nothing', (_what, order, change, message) => {
    const made = core();
    const old = made.submit({ type: 'limit', limit_price: '90', ...order });
    made.quote(89, 90, { askSize: 4 });
    expect(refusalOf(() => made.replace(old, change))).toMatchObject({ message });
    expect(made.order(old)).toMatchObject({ status: 'partially_filled', replaced_by: null });
  });

  test('closed, waiting and notional orders cannot be replaced', () => {
    const made = core({ hours: 'regular', at: '2024-06-03T02:00:00Z' });
    const waiting = made.submit();
    expect(refusalOf(() => made.replace(waiting, { qty: '5' }))).toMatchObject({
      message: 'cannot replace order in accepted status',
    });
    made.goTo('2024-06-03T14:00:00Z');
    expect(refusalOf(() => made.replace(waiting, { qty: '5' }))).toMatchObject({
      message: 'order is already in "filled" state',
    });
    made.quote(0, 0);
    const notional = made.submit({ notional: '50' });
    expect(refusalOf(() => made.replace(notional, { qty: '5' }))).toMatchObject({
      message: 'notional orders cannot be replaced',
    });
  });

  test('a trail moves its stop', () => {
    const made = core();
    made.submit();
    const old = made.submit({ side: 'sell', type: 'trailing_stop', trail_price: '5' });
    const id = made.replace(old, { trail: '8' });
    expect(made.order(id)).toMatchObject({ trail_price: '8', hwm: '100', stop_price: '92' });
    made.trade(93);
    expect(made.status(id)).toBe('new');
    made.trade(92);
    expect(made.status(id)).toBe('filled');
  });
});
