-- Attachments of other MCP servers. Every statement can be run again. The table is made where attaching is
-- switched on, and nowhere else.
--
-- `{schema}` is replaced by the configured schema's name, which is a plain identifier.

CREATE SCHEMA IF NOT EXISTS {schema};

CREATE TABLE IF NOT EXISTS {schema}.upstream_attachments (
    alias      TEXT PRIMARY KEY,
    id         TEXT NOT NULL,
    attachment JSON NOT NULL
);

-- 'ok', 'exists', 'gone' or 'full'. One at a time, so that the limit holds in the whole fleet; announced in the
-- transaction that makes the change.
CREATE OR REPLACE FUNCTION {schema}.upstream_attach(
    new_alias TEXT, new_id TEXT, new_attachment JSON, capacity BIGINT, replacing TEXT
) RETURNS TEXT LANGUAGE plpgsql AS $body$
DECLARE
    there TEXT;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('dynamic_mcp.attach.{schema}', 0));
    SELECT id INTO there FROM {schema}.upstream_attachments WHERE alias = new_alias;
    IF there IS NOT NULL AND there IS DISTINCT FROM replacing THEN
        RETURN 'exists';
    ELSIF there IS NULL AND replacing IS NOT NULL THEN
        RETURN 'gone';
    ELSIF there IS NULL AND (SELECT count(*) FROM {schema}.upstream_attachments) >= capacity THEN
        RETURN 'full';
    END IF;
    INSERT INTO {schema}.upstream_attachments (alias, id, attachment)
        VALUES (new_alias, new_id, new_attachment)
        ON CONFLICT (alias) DO UPDATE SET id = excluded.id, attachment = excluded.attachment;
    PERFORM pg_notify('dynamic_mcp_upstreams', '{schema}');
    RETURN 'ok';
END
$body$;

CREATE OR REPLACE FUNCTION {schema}.upstream_detach(old_alias TEXT)
RETURNS BOOLEAN LANGUAGE plpgsql AS $body$
BEGIN
    DELETE FROM {schema}.upstream_attachments WHERE alias = old_alias;
    IF FOUND THEN
        PERFORM pg_notify('dynamic_mcp_upstreams', '{schema}');
    END IF;
    RETURN FOUND;
END
$body$;
