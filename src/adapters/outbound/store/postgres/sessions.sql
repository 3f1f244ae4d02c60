-- Sessions of the older revisions of MCP, which outlive a process and move between replicas.
--
-- `{schema}` is replaced by the configured schema's name, which is a plain identifier.

CREATE SCHEMA IF NOT EXISTS {schema};

CREATE TABLE IF NOT EXISTS {schema}.mcp_sessions (
    -- The SHA-256 of the session's id, which is as good as a password where no token is asked for.
    key        BYTEA PRIMARY KEY,
    -- The subject of the token that opened it.
    owner      TEXT,
    -- The parameters of its `initialize`.
    initialize JSON NOT NULL,
    log_level  TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    expires_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX IF NOT EXISTS mcp_sessions_expires_at ON {schema}.mcp_sessions (expires_at);
