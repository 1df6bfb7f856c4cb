-- Up Migration
-- Strategies that took the thread of signal-bridge and never gave it back. Its process was ended for it, so the next one has to
-- learn here which of them not to start. The release is part of the key: a strategy is mended by a new one.

CREATE TABLE strategy_stops (
  release     text NOT NULL,
  strategy    text NOT NULL,
  detail      text NOT NULL,
  stopped_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (release, strategy)
);
