-- Up Migration
-- What an order's sender records before it calls the broker, the writer's lease, and the account's cash.

-- NULL: written by a release that recorded no attempts, so whether the order was sent is not known.
ALTER TABLE orders ADD COLUMN attempts integer;
-- The fence of the engine that made the last attempt, and when it began.
ALTER TABLE orders ADD COLUMN attempt_fence bigint;
ALTER TABLE orders ADD COLUMN attempted_at timestamptz;

-- Of the position, what did not come from an order placed here: taken over from the broker. NULL or 0: nothing.
ALTER TABLE positions ADD COLUMN adopted_quantity numeric;
ALTER TABLE positions ADD COLUMN adopted_at timestamptz;

-- An engine that holds the writer lock renews this. One that stands still (stopped, starved) keeps its connection and with it
-- the lock; its successor may end that connection once the lease has run out. It counts only while `fence` is order_writer's.
CREATE TABLE order_writer_lease (
  singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  fence       bigint NOT NULL,
  lease_ms    integer NOT NULL CHECK (lease_ms > 0),
  renewed_at  timestamptz NOT NULL DEFAULT now()
);

-- The account's cash as our trades say it is; `adopted`: how much of it reconciliation took over without a trade of ours
-- (the first balance, fees, dividends, transfers, orders from outside).
CREATE TABLE account_cash (
  singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  cash        numeric NOT NULL,
  adopted     numeric NOT NULL,
  updated_at  timestamptz NOT NULL DEFAULT now()
);
