-- Up Migration
-- Who did what to trading, why, and what came of it. An order's row is written with the order, in one transaction.
CREATE TABLE access_audit (
  audit_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at          timestamptz NOT NULL,
  service     text NOT NULL,
  actor       text NOT NULL,
  role        text NOT NULL,
  action      text NOT NULL,
  -- What it was done to: an order_id, a client_order_id where there is no order, a state, a release.
  subject     text,
  reason      text,
  -- OK, or the code with which it was refused.
  outcome     text NOT NULL,
  request_id  text,
  release     text NOT NULL
);
-- Orders are by far the most: what else was done is found without reading past them.
CREATE INDEX access_audit_acts ON access_audit (audit_id) WHERE action <> 'order.place';

CREATE FUNCTION access_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'access_audit is append only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER access_audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access_audit
  FOR EACH STATEMENT EXECUTE FUNCTION access_audit_is_append_only();
