import { describe, expect, test } from '@jest/globals';
import { Core } from '../testing/make-core.ts';

type Json = Record<string, unknown>;

function legs(core: Core, id: string): Json[] {
  return core.order(id)['legs'] as Json[];
}

function bracket(core: Core, extra: Json = {}): string {
  return core.submit({
    order_class: 'bracket',
    take_profit: { limit_price: '110' },
    stop_loss: { stop_price: '90' },
    ...extra,
  });
}

describe('brackets', () => {
  test('the exits are held until the entry is wholly filled', () => {
    const core = new Core();
    core.quote(99, 101, { askSize: 5 });
    const id = bracket(core);
    expect(legs(core, id).map(({ type, side, status }) => [type, side, status])).toEqual([
      ['limit', 'sell', 'held'],
      ['stop', 'sell', 'held'],
    ]);
    expect(core.status(id)).toBe('partially_filled');
    core.quote(111, 112, { askSize: 0 });
    expect(legs(core, id)[0]).toMatchObject({ status: 'held' });
    core.quote(99, 101);
    expect(core.status(id)).toBe('filled');
    expect(legs(core, id).map(({ status }) => status)).toEqual(['new', 'held']);
  });

  test('the take-profit ends the stop-loss', () => {
    const core = new Core();
    core.quote(99, 101);
    const id = bracket(core);
    core.quote(110, 111);
    expect(legs(core, id).map(({ status }) => status)).toEqual(['filled', 'canceled']);
    expect(core.exchange.account.positions.size).toBe(0);
  });

  test('the stop-loss ends the take-profit before it trades', () => {
    const core = new Core();
    core.quote(99, 101);
    const id = bracket(core);
    core.quote(88, 89);
    core.trade(89);
    expect(legs(core, id).map(({ status }) => status)).toEqual(['canceled', 'filled']);
    const [profit, loss] = legs(core, id) as [Json, Json];
    expect(core.events(String(profit['id']))).toEqual(['new', 'canceled']);
    expect(core.events(String(loss['id']))).toEqual(['new', 'fill']);
  });

  test('an elected stop-loss ends the take-profit although nobody buys yet', () => {
    const core = new Core();
    core.quote(99, 101);
    const id = bracket(core);
    core.quote(88, 89, { bidSize: 0 });
    core.trade(89);
    expect(legs(core, id).map(({ status }) => status)).toEqual(['canceled', 'new']);
    core.quote(111, 112, { bidSize: 4 });
    expect(legs(core, id)[1]).toMatchObject({ status: 'partially_filled', filled_qty: '4' });
  });

  test('a take-profit that is half filled leaves the stop-loss the other half', () => {
    const core = new Core();
    core.quote(99, 101);
    const id = bracket(core);
    core.quote(110, 111, { bidSize: 4 });
    expect(legs(core, id)[1]).toMatchObject({ status: 'held', qty: '6' });
    core.quote(89, 90);
    core.trade(90);
    expect(legs(core, id).map(({ status, filled_qty: filled }) => [status, filled])).toEqual([
      ['canceled', '4'],
      ['filled', '6'],
    ]);
    expect(core.exchange.account.positions.size).toBe(0);
  });

  test('cancelling any one of the group cancels what is open of it', () => {
    const core = new Core();
    core.quote(99, 101);
    const entry = bracket(core, { type: 'limit', limit_price: '95' });
    core.cancel(entry);
    expect(legs(core, entry).map(({ status }) => status)).toEqual(['canceled', 'canceled']);

    const filled = bracket(core);
    core.cancel(String((legs(core, filled)[0] as Json)['id']));
    expect(legs(core, filled).map(({ status }) => status)).toEqual(['canceled', 'canceled']);
  });

  test('day exits expire with the day', () => {
    const core = new Core();
    core.quote(99, 101);
    const id = bracket(core);
    core.goTo('2024-06-04T04:00:00Z');
    expect(legs(core, id).map(({ status }) => status)).toEqual(['expired', 'expired']);
  });

  test('the exits’ prices can be replaced, held or live', () => {
    const core = new Core();
    core.quote(99, 101);
    const id = bracket(core, { type: 'limit', limit_price: '100' });
    const before = legs(core, id) as [Json, Json];
    const stop = core.replace(String(before[1]['id']), { stop_price: '92' });
    expect(legs(core, id)[1]).toMatchObject({ id: stop, stop_price: '92', status: 'held', replaces: before[1]['id'] });
    core.quote(99, 100);
    const profit = core.replace(String(before[0]['id']), { limit_price: '105' });
    expect(legs(core, id)[0]).toMatchObject({ id: profit, limit_price: '105', status: 'new' });
    core.quote(91.5, 92.5);
    core.trade(92);
    expect(legs(core, id).map(({ status }) => status)).toEqual(['canceled', 'filled']);
  });

  test('a short bracket has its exits the other way round', () => {
    const core = new Core();
    core.quote(99, 101);
    const id = bracket(core, { side: 'sell', take_profit: { limit_price: '90' }, stop_loss: { stop_price: '110' } });
    expect(legs(core, id).map(({ side }) => side)).toEqual(['buy', 'buy']);
    core.quote(109, 110);
    core.trade(110);
    expect(legs(core, id).map(({ status }) => status)).toEqual(['canceled', 'filled']);
    expect(core.exchange.account.positions.size).toBe(0);
  });
});

describe('oco and oto', () => {
  test('an oco’s take-profit is the parent; either exit ends the other', () => {
    const core = new Core();
    core.quote(99, 101);
    core.submit();
    const oco = { side: 'sell', type: 'limit', order_class: 'oco' };
    const id = core.submit({ ...oco, take_profit: { limit_price: '110' }, stop_loss: { stop_price: '90' } });
    expect(core.order(id)).toMatchObject({ type: 'limit', limit_price: '110', status: 'new' });
    expect(legs(core, id)).toMatchObject([{ type: 'stop', status: 'held' }]);
    core.quote(89, 90);
    core.trade(90);
    expect(core.status(id)).toBe('canceled');
    expect(legs(core, id)[0]).toMatchObject({ status: 'filled', filled_avg_price: '89' });
  });

  test('an oco holds its shares once, and needs a position', () => {
    const core = new Core();
    core.quote(99, 101);
    const oco = {
      side: 'sell',
      type: 'limit',
      order_class: 'oco',
      take_profit: { limit_price: '110' },
      stop_loss: { stop_price: '90' },
    };
    expect(core.refusal(oco)).toMatchObject({ status: 422, message: 'oco orders must be exit orders' });
    core.submit({ qty: '25' });
    core.submit(oco);
    expect(core.status(core.submit({ side: 'sell', type: 'limit', limit_price: '120', qty: '15' }))).toBe('new');
    expect(core.refusal({ side: 'sell', type: 'limit', limit_price: '120', qty: '1' })).toMatchObject({ status: 403 });
  });

  test('an oto’s one exit works once the entry is filled', () => {
    const core = new Core();
    core.quote(99, 101);
    const id = core.submit({
      type: 'limit',
      limit_price: '100',
      order_class: 'oto',
      stop_loss: { stop_price: '95', limit_price: '94' },
    });
    expect(legs(core, id)).toMatchObject([{ type: 'stop_limit', status: 'held' }]);
    core.quote(99, 100);
    expect(legs(core, id)).toMatchObject([{ status: 'new' }]);
    core.quote(94, 95);
    core.trade(95);
    expect(legs(core, id)).toMatchObject([{ status: 'filled', filled_avg_price: '94' }]);
  });

  test('a position blocks entries of groups that would close it', () => {
    const core = new Core();
    core.quote(99, 101);
    core.submit();
    expect(
      core.refusal({
        side: 'sell',
        order_class: 'bracket',
        take_profit: { limit_price: '90' },
        stop_loss: { stop_price: '110' },
      }),
    ).toMatchObject({ status: 422, message: 'bracket orders must be entry orders' });
  });
});
