-- Up Migration
-- A trip that a person made, or confirmed: it is never reset by itself. A release that does not know the column leaves it
-- as it is, and whoever reads it afterwards holds a trip rather than resumes it.
ALTER TABLE trading_state ADD COLUMN held boolean NOT NULL DEFAULT false;

-- What protects a position: the most favourable mark since it was opened, which a trailing stop is measured from, and the
-- orders that were sent to close it. A restart goes on from here.
CREATE TABLE position_guards (
  symbol      text PRIMARY KEY,
  opened_at   timestamptz NOT NULL,
  best        numeric NOT NULL CHECK (best > 0),
  attempt     integer NOT NULL CHECK (attempt > 0),
  updated_at  timestamptz NOT NULL DEFAULT now()
);
