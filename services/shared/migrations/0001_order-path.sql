-- Up Migration
-- Tables of the order path and of market history. docs/architecture.md says who writes which.

CREATE TABLE orders (
  order_id         uuid PRIMARY KEY,
  client_order_id  text NOT NULL UNIQUE CHECK (length(client_order_id) BETWEEN 1 AND 128),
  request_hash     text NOT NULL,
  broker_order_id  text UNIQUE,
  source           text NOT NULL CHECK (source IN ('api', 'signal', 'protection')),
  strategy         text,
  symbol           text NOT NULL,
  side             text NOT NULL CHECK (side IN ('buy', 'sell')),
  type             text NOT NULL CHECK (type IN ('market', 'limit', 'stop', 'stop_limit')),
  quantity         numeric NOT NULL CHECK (quantity > 0),
  price            numeric CHECK (price > 0),
  stop_price       numeric CHECK (stop_price > 0),
  time_in_force    text NOT NULL,
  status           text NOT NULL,
  filled_quantity  numeric NOT NULL DEFAULT 0 CHECK (filled_quantity >= 0 AND filled_quantity <= quantity),
  avg_fill_price   numeric,
  reject_code      text,
  reject_reason    text,
  created_at       timestamptz NOT NULL DEFAULT now(),
  submitted_at     timestamptz,
  updated_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_open ON orders (created_at) WHERE status NOT IN ('filled', 'canceled', 'expired', 'rejected', 'replaced');
CREATE INDEX orders_by_symbol ON orders (symbol, created_at DESC);
CREATE INDEX orders_by_time ON orders (created_at DESC);

CREATE TABLE order_events (
  event_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id  uuid NOT NULL REFERENCES orders,
  event     text NOT NULL,
  -- What makes the event this one and no other (its execution, or its time): a repeat is dropped.
  event_key text NOT NULL,
  at        timestamptz NOT NULL DEFAULT now(),
  detail    jsonb NOT NULL DEFAULT '{}',
  UNIQUE (order_id, event_key)
);
CREATE INDEX order_events_by_order ON order_events (order_id, event_id);

CREATE TABLE trades (
  trade_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  execution_id     text NOT NULL UNIQUE,
  order_id         uuid NOT NULL REFERENCES orders,
  client_order_id  text NOT NULL,
  strategy         text,
  symbol           text NOT NULL,
  side             text NOT NULL CHECK (side IN ('buy', 'sell')),
  quantity         numeric NOT NULL CHECK (quantity > 0),
  price            numeric NOT NULL CHECK (price > 0),
  realized_pnl     numeric NOT NULL DEFAULT 0,
  -- The order's filled quantity after this execution, as the broker counts it; it tells executions apart that come under two ids.
  cumulative       numeric,
  filled_at        timestamptz NOT NULL,
  recorded_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX trades_by_time ON trades (filled_at DESC);
CREATE INDEX trades_by_order ON trades (order_id);

CREATE TABLE positions (
  symbol           text PRIMARY KEY,
  quantity         numeric NOT NULL,
  avg_entry_price  numeric NOT NULL,
  -- What the shares that are held cost in all (negative for short). The average is this divided by the quantity, rounded;
  -- profit is booked from here, so that a position that is flat again has booked every cent of its cash flows.
  cost_basis       numeric,
  realized_pnl     numeric NOT NULL DEFAULT 0,
  -- The fill that took the position out of zero.
  opened_at        timestamptz,
  updated_at       timestamptz NOT NULL DEFAULT now()
);

-- The one order writer. Who takes over counts the fence up, and what an older holder still writes is refused.
CREATE TABLE order_writer (
  singleton  boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  fence      bigint NOT NULL,
  holder     text NOT NULL,
  taken_at   timestamptz NOT NULL DEFAULT now()
);
INSERT INTO order_writer (fence, holder) VALUES (0, 'nobody');

CREATE TABLE daily_pnl (
  day           date NOT NULL,
  symbol        text NOT NULL,
  realized_pnl  numeric NOT NULL DEFAULT 0,
  trades        integer NOT NULL DEFAULT 0,
  volume        numeric NOT NULL DEFAULT 0,
  notional      numeric NOT NULL DEFAULT 0,
  updated_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (day, symbol)
);

CREATE TABLE risk_events (
  risk_event_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at               timestamptz NOT NULL DEFAULT now(),
  kind             text NOT NULL CHECK (kind IN ('refusal', 'trip', 'reset', 'warning', 'reconciliation')),
  code             text NOT NULL,
  symbol           text,
  client_order_id  text,
  message          text NOT NULL,
  detail           jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX risk_events_by_time ON risk_events (at DESC);

CREATE TABLE trading_state (
  singleton  boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  state      text NOT NULL CHECK (state IN ('ACTIVE', 'REDUCING', 'HALTED')),
  reason     text NOT NULL,
  -- Set where a limit tripped the breaker by itself: the code of the limit. Such a trip has a cooldown.
  code       text,
  since      timestamptz NOT NULL DEFAULT now()
);
INSERT INTO trading_state (state, reason) VALUES ('ACTIVE', 'first start');

-- The account's equity as risk-manager saw it, one row a day of the limits' time zone: the base of percent limits and of drawdown.
CREATE TABLE equity_days (
  day         date PRIMARY KEY,
  opening     numeric NOT NULL,
  peak        numeric NOT NULL,
  last        numeric NOT NULL,
  updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE signals (
  signal_id   text PRIMARY KEY,
  strategy    text NOT NULL,
  symbol      text NOT NULL,
  side        text NOT NULL CHECK (side IN ('buy', 'sell')),
  quantity    numeric NOT NULL,
  price       numeric NOT NULL,
  reason      text NOT NULL,
  event_time  timestamptz NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX signals_by_time ON signals (created_at DESC);

-- Prices are micros and times µs, as on the bus: what is stored is what was sent, to the bit.
CREATE TABLE ticks (
  epoch        text NOT NULL,
  n            bigint NOT NULL,
  symbol       text NOT NULL,
  kind         "char" NOT NULL,
  event_time   bigint NOT NULL,
  received_at  bigint NOT NULL,
  price        bigint,
  size         numeric,
  bid          bigint,
  bid_size     numeric,
  ask          bigint,
  ask_size     numeric,
  source_id    text,
  posted       boolean NOT NULL DEFAULT false,
  PRIMARY KEY (epoch, n)
);
CREATE INDEX ticks_by_symbol ON ticks (symbol, received_at DESC);
