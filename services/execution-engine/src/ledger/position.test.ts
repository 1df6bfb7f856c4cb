import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Big } from '@papergate/service-kit';
import { applyExecution, averageEntryPrice, divide, flatPosition, unrealizedPnl, type Position } from './position.ts';

type Step = readonly [side: 'buy' | 'sell', quantity: string, price: string];

function run(steps: readonly Step[]): { position: Position; booked: string[] } {
  let position = flatPosition('AAPL');
  const booked: string[] = [];
  for (const [index, [side, quantity, price]] of steps.entries()) {
    const step = applyExecution(position, { side, quantity: new Big(quantity), price: new Big(price), at: index + 1 });
    position = step.after;
    booked.push(step.realizedPnl.toFixed());
  }
  return { position, booked };
}

describe('a position by average cost', () => {
  const cases: [name: string, steps: Step[], quantity: string, average: string, booked: string[]][] = [
    ['opens long', [['buy', '10', '100']], '10', '100', ['0']],
    [
      'averages what is added',
      [
        ['buy', '10', '100'],
        ['buy', '30', '104'],
      ],
      '40',
      '103',
      ['0', '0'],
    ],
    [
      'books a part that is sold',
      [
        ['buy', '10', '100'],
        ['sell', '4', '105'],
      ],
      '6',
      '100',
      ['0', '20'],
    ],
    [
      'books a loss',
      [
        ['buy', '10', '100'],
        ['sell', '10', '99.5'],
      ],
      '0',
      '0',
      ['0', '-5'],
    ],
    ['opens short', [['sell', '10', '100']], '-10', '100', ['0']],
    [
      'books a short that is covered',
      [
        ['sell', '10', '100'],
        ['buy', '4', '97'],
      ],
      '-6',
      '100',
      ['0', '12'],
    ],
    [
      'crosses zero from long',
      [
        ['buy', '10', '100'],
        ['sell', '15', '101'],
      ],
      '-5',
      '101',
      ['0', '10'],
    ],
    [
      'crosses zero from short',
      [
        ['sell', '10', '100'],
        ['buy', '12', '101'],
      ],
      '2',
      '101',
      ['0', '-10'],
    ],
    [
      'takes fractions of shares',
      [
        ['buy', '0.3', '10.01'],
        ['sell', '0.1', '10.02'],
      ],
      '0.2',
      '10.01',
      ['0', '0.001'],
    ],
  ];
  test.each(cases)('%s', (_name, steps, quantity, average, booked) => {
    const result = run(steps);
    expect(result.position.quantity.toFixed()).toBe(quantity);
    expect(averageEntryPrice(result.position)).toBe(average);
    expect(result.booked).toEqual(booked);
  });

  test('remembers when it left zero, and anew when it crosses it', () => {
    expect(
      run([
        ['buy', '1', '1'],
        ['buy', '1', '1'],
      ]).position.openedAt,
    ).toBe(1);
    expect(
      run([
        ['buy', '1', '1'],
        ['sell', '1', '1'],
      ]).position.openedAt,
    ).toBeUndefined();
    expect(
      run([
        ['buy', '1', '1'],
        ['sell', '3', '1'],
      ]).position.openedAt,
    ).toBe(2);
    expect(
      run([
        ['buy', '2', '1'],
        ['sell', '1', '1'],
      ]).position.openedAt,
    ).toBe(1);
  });

  test('shows what closing at the mark would book', () => {
    expect(unrealizedPnl(run([['buy', '10', '100']]).position, new Big('101.5')).toFixed()).toBe('15');
    expect(unrealizedPnl(run([['sell', '10', '100']]).position, new Big('101.5')).toFixed()).toBe('-15');
  });
});

/** An oracle that shares no code with the implementation: FIFO-free average cost in exact rationals of bigints. */
function oracle(steps: readonly { buy: boolean; quantity: number; cents: number }[]): {
  pnl: [bigint, bigint];
  held: bigint;
} {
  let held = 0n;
  let [cost, scale] = [0n, 1n]; // cost of what is held = cost / scale, in 1/100 cents
  let [pnl, pnlScale] = [0n, 1n];
  for (const step of steps) {
    let quantity = BigInt(step.quantity) * (step.buy ? 1n : -1n);
    const price = BigInt(step.cents);
    if (held !== 0n && held > 0n !== quantity > 0n) {
      const size = quantity < 0n ? -quantity : quantity;
      const heldSize = held < 0n ? -held : held;
      const part = size < heldSize ? size : heldSize;
      const direction = held > 0n ? 1n : -1n;
      // pnl += direction · part · price − cost · part / |held|
      const termScale = scale * heldSize;
      const term = direction * part * price * termScale - cost * part;
      [pnl, pnlScale] = [pnl * termScale + term * pnlScale, pnlScale * termScale];
      [cost, scale] = [cost * (heldSize - part), scale * heldSize];
      held -= direction * part;
      quantity += direction * part;
    }
    cost += quantity * price * scale;
    held += quantity;
    [cost, scale] = reduce(cost, scale);
    [pnl, pnlScale] = reduce(pnl, pnlScale);
  }
  return { pnl: [pnl, pnlScale], held };
}

function reduce(a: bigint, b: bigint): [bigint, bigint] {
  let [x, y] = [a < 0n ? -a : a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x === 0n ? [a, b] : [a / x, b / x];
}

const steps = fc.array(
  fc.record({
    buy: fc.boolean(),
    quantity: fc.integer({ min: 1, max: 500 }),
    cents: fc.integer({ min: 1, max: 50_000 }),
  }),
  { minLength: 1, maxLength: 40 },
);

describe('against an independent oracle', () => {
  test('the profit that is booked is the exact one to within the rounding of the cost', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const { position } = run(
          list.map(({ buy, quantity, cents }) => [
            buy ? 'buy' : 'sell',
            String(quantity),
            new Big(cents).div(100).toFixed(),
          ]),
        );
        const exact = oracle(list);
        expect(position.quantity.toFixed()).toBe(String(exact.held));
        const [numerator, denominator] = exact.pnl;
        const nano = new Big(String((numerator * 10_000_000n) / denominator)).div(1_000_000_000);
        expect(position.realizedPnl.minus(nano).abs().toNumber()).toBeLessThanOrEqual(1e-9 * (list.length + 1));
      }),
      { numRuns: 300 },
    );
  });

  test('a position that is flat has booked its cash flows to the last digit', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 50_000 }), (list, cents) => {
        const all: Step[] = list.map(({ buy, quantity, cents: price }) => [
          buy ? 'buy' : 'sell',
          String(quantity),
          new Big(price).div(100).toFixed(),
        ]);
        const held = run(all).position.quantity;
        if (!held.eq(0))
          all.push([held.gt(0) ? 'sell' : 'buy', held.abs().toFixed(), new Big(cents).div(100).toFixed()]);
        let cash = new Big(0);
        for (const [side, quantity, price] of all) {
          cash = cash.plus(new Big(quantity).times(price).times(side === 'buy' ? -1 : 1));
        }
        const { position } = run(all);
        expect(position.quantity.toFixed()).toBe('0');
        expect(position.costBasis.toFixed()).toBe('0');
        expect(position.realizedPnl.toFixed()).toBe(cash.toFixed());
      }),
      { numRuns: 300 },
    );
  });

  test('division rounds half to even, whatever the signs', () => {
    const halves: [string, string, string][] = [
      ['1', '8', '0.12'],
      ['3', '8', '0.38'],
      ['-1', '8', '-0.12'],
      ['-3', '8', '-0.38'],
      ['2', '3', '0.67'],
      ['-2', '3', '-0.67'],
      ['2', '-3', '-0.67'],
    ];
    for (const [a, b, result] of halves) expect(divide(new Big(a), new Big(b), 2).toFixed()).toBe(result);
  });
});
