-- The mailbox: letters from one replica to another. What is lost with a crash of the database nobody waits for any more.
--
-- `{schema}` is replaced by the configured schema's name, which is a plain identifier.

CREATE SCHEMA IF NOT EXISTS {schema};

CREATE UNLOGGED TABLE IF NOT EXISTS {schema}.mcp_mailbox (
    name    TEXT PRIMARY KEY,
    letter  TEXT NOT NULL,
    posted_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
