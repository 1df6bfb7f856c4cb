-- Up Migration
-- What a release may trade while it is rolled out. Each release has its own row, so that one that comes back after a
-- rollback finds its own again.

CREATE TABLE order_scopes (
  release     text PRIMARY KEY,
  stage       text NOT NULL,
  -- NULL: all symbols; empty: none.
  symbols     text[],
  reason      text NOT NULL,
  set_by      text NOT NULL,
  set_at      timestamptz NOT NULL,
  -- From then on nothing may be traded: whoever watched is gone. NULL: for good.
  expires_at  timestamptz
);

-- Who changed it when and why, written by the same statement as the change. A lease that is only renewed makes no row.
CREATE TABLE order_scope_changes (
  change_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  release     text NOT NULL,
  stage       text NOT NULL,
  symbols     text[],
  reason      text NOT NULL,
  set_by      text NOT NULL,
  set_at      timestamptz NOT NULL,
  expires_at  timestamptz
);
CREATE INDEX order_scope_changes_by_time ON order_scope_changes (set_at DESC);
