import type { Pool, Tick } from '@papergate/service-kit';
import type { Marks } from './marks.ts';

const LAST = `
  SELECT p.symbol AS s, t.kind AS k, t.price AS p, t.bid AS b, t.ask AS a, t.received_at AS r
  FROM positions p
  CROSS JOIN LATERAL (SELECT * FROM ticks WHERE symbol = p.symbol ORDER BY received_at DESC, n DESC LIMIT 50) t
  WHERE p.quantity <> 0 ORDER BY t.received_at, t.n`;

/** After a restart while the market is quiet: the last stored prices of what is held, until the bus brings newer ones. */
export async function seedMarks(pool: Pool, marks: Marks): Promise<void> {
  const { rows } = await pool.query<Record<'s' | 'k', string> & Record<'p' | 'b' | 'a' | 'r', string | null>>(LAST);
  const unknown = rows.filter(({ s }) => marks.get(s) === undefined);
  marks.accept(
    unknown.map(({ s, k, p, b, a, r }): Tick => ({
      n: 0,
      s,
      k: k === 't' ? 't' : 'q',
      t: 0,
      r: Number(r),
      ...(p === null ? {} : { p: Number(p) }),
      ...(b === null ? {} : { b: Number(b) }),
      ...(a === null ? {} : { a: Number(a) }),
    })),
  );
}
