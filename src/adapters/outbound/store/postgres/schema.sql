-- The registry in PostgreSQL. Every statement can be run again, and is run by every replica that starts.
--
-- `{schema}` is replaced by the configured schema's name, which is a plain identifier.
--
-- dynamic_tools is shared with the Node project: its eleven columns come first, ours follow and have
-- defaults, so that both programs read and write the same rows. A writer of ours names itself by the
-- transaction-local setting dynamic_mcp.instance_id; a row that anybody else writes is told apart by that.

CREATE SCHEMA IF NOT EXISTS {schema};

CREATE TABLE IF NOT EXISTS {schema}.dynamic_tools (
    name         TEXT PRIMARY KEY,
    title        TEXT,
    description  TEXT NOT NULL,
    image        TEXT NOT NULL,
    timeout_ms   INTEGER NOT NULL,
    dependencies JSONB NOT NULL,
    code         TEXT NOT NULL,
    enabled      BOOLEAN NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL,
    revision     INTEGER NOT NULL
);

-- json, not jsonb: schemas are kept as they were given, key order included.
ALTER TABLE {schema}.dynamic_tools
    ADD COLUMN IF NOT EXISTS input_schema    JSON,
    ADD COLUMN IF NOT EXISTS output_schema   JSON,
    ADD COLUMN IF NOT EXISTS annotations     JSON,
    ADD COLUMN IF NOT EXISTS icons           JSON,
    ADD COLUMN IF NOT EXISTS tags            JSON,
    ADD COLUMN IF NOT EXISTS engine          TEXT,
    ADD COLUMN IF NOT EXISTS permissions     JSON,
    ADD COLUMN IF NOT EXISTS examples        JSON,
    ADD COLUMN IF NOT EXISTS digest          TEXT,
    ADD COLUMN IF NOT EXISTS engine_resolved TEXT,
    ADD COLUMN IF NOT EXISTS actor           TEXT,
    ADD COLUMN IF NOT EXISTS change          TEXT,
    ADD COLUMN IF NOT EXISTS lock            JSON;

-- Every revision, the live one included. No foreign key: history outlives its tool.
CREATE TABLE IF NOT EXISTS {schema}.dynamic_tool_revisions (
    LIKE {schema}.dynamic_tools,
    PRIMARY KEY (name, revision)
);

-- Where the tables were made by an earlier release.
ALTER TABLE {schema}.dynamic_tool_revisions
    ADD COLUMN IF NOT EXISTS lock            JSON;

-- The last revision of every name that was deleted, so that a name made again goes on from it.
CREATE TABLE IF NOT EXISTS {schema}.dynamic_tool_tombstones (
    name     TEXT PRIMARY KEY,
    revision INTEGER NOT NULL
);

-- Marks what another program wrote, before it is stored: its digest is no longer ours to vouch for, and a
-- name that was deleted goes on from its last revision whoever makes it again.
CREATE OR REPLACE FUNCTION {schema}.dynamic_tool_mark() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    last INTEGER;
BEGIN
    IF coalesce(current_setting('dynamic_mcp.instance_id', true), '') = '' THEN
        NEW.digest := NULL;
        NEW.engine_resolved := NULL;
        NEW.lock := NULL;
        NEW.actor := 'external';
        NEW.change := 'external';
        IF TG_OP = 'INSERT' THEN
            SELECT revision INTO last FROM {schema}.dynamic_tool_tombstones WHERE name = NEW.name;
            NEW.revision := greatest(NEW.revision, coalesce(last, 0) + 1);
        END IF;
    END IF;
    RETURN NEW;
END
$body$;

-- Keeps history and tombstones, and announces the change in the transaction that makes it.
CREATE OR REPLACE FUNCTION {schema}.dynamic_tool_record() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    action TEXT;
    target TEXT;
    kept   INTEGER;
BEGIN
    IF TG_OP = 'DELETE' THEN
        action := 'delete';
        target := OLD.name;
        INSERT INTO {schema}.dynamic_tool_tombstones AS t (name, revision)
            VALUES (OLD.name, OLD.revision)
            ON CONFLICT (name) DO UPDATE SET revision = greatest(t.revision, excluded.revision);
    ELSE
        target := NEW.name;
        action := CASE
            WHEN TG_OP = 'INSERT' THEN 'create'
            WHEN NEW.enabled AND NOT OLD.enabled THEN 'enable'
            WHEN OLD.enabled AND NOT NEW.enabled THEN 'disable'
            ELSE 'update'
        END;
        INSERT INTO {schema}.dynamic_tool_revisions SELECT NEW.* ON CONFLICT DO NOTHING;
        kept := coalesce(nullif(current_setting('dynamic_mcp.history', true), ''), '50')::integer;
        DELETE FROM {schema}.dynamic_tool_revisions
            WHERE name = NEW.name AND revision <= NEW.revision - kept;
    END IF;
    PERFORM pg_notify('dynamic_mcp_registry_changes', json_build_object(
        'action', action,
        'target', target,
        'schema', TG_TABLE_SCHEMA,
        'instanceId', coalesce(current_setting('dynamic_mcp.instance_id', true), ''))::text);
    RETURN NULL;
END
$body$;

DROP TRIGGER IF EXISTS dynamic_tool_mark ON {schema}.dynamic_tools;
CREATE TRIGGER dynamic_tool_mark BEFORE INSERT OR UPDATE ON {schema}.dynamic_tools
    FOR EACH ROW EXECUTE FUNCTION {schema}.dynamic_tool_mark();
DROP TRIGGER IF EXISTS dynamic_tool_record ON {schema}.dynamic_tools;
CREATE TRIGGER dynamic_tool_record AFTER INSERT OR UPDATE OR DELETE ON {schema}.dynamic_tools
    FOR EACH ROW EXECUTE FUNCTION {schema}.dynamic_tool_record();

-- Applies several writes in one transaction, each with an outcome of its own: 'ok', 'exists', 'full', or
-- 'conflict' with the newest revision (null: the tool is gone). Commits with announcements are made one
-- after the other by PostgreSQL, so that many writes to a commit are what makes writing fast.
CREATE OR REPLACE FUNCTION {schema}.dynamic_tool_write(
    ops JSON, instance TEXT, history INTEGER
) RETURNS TABLE (outcome TEXT, actual INTEGER) LANGUAGE plpgsql AS $body$
DECLARE
    op       JSON;
    tool     {schema}.dynamic_tools;
    op_name  TEXT;
    seen     INTEGER;
    live     INTEGER;
    last     INTEGER;
    tools    BIGINT;
    capacity BIGINT;
BEGIN
    PERFORM set_config('dynamic_mcp.instance_id', instance, true);
    PERFORM set_config('dynamic_mcp.history', history::text, true);
    FOR op IN SELECT json_array_elements(ops) LOOP
        actual := NULL;
        op_name := op ->> 'name';
        seen := (op ->> 'seen')::integer;
        IF op ->> 'op' = 'insert' THEN
            -- One inserting transaction at a time, so that the limit holds in the whole fleet.
            PERFORM pg_advisory_xact_lock(hashtextextended('dynamic_mcp.insert.{schema}', 0));
            tool := json_populate_record(NULL::{schema}.dynamic_tools, op -> 'tool');
            capacity := (op ->> 'capacity')::bigint;
            SELECT revision INTO live FROM {schema}.dynamic_tools t WHERE t.name = op_name;
            SELECT revision INTO last FROM {schema}.dynamic_tool_tombstones t WHERE t.name = op_name;
            IF tools IS NULL THEN
                SELECT count(*) INTO tools FROM {schema}.dynamic_tools;
            END IF;
            IF live IS NOT NULL THEN
                outcome := 'exists';
            ELSIF coalesce(last, 0) <> tool.revision - 1 THEN
                outcome := 'conflict';
                actual := last;
            ELSIF tools >= capacity THEN
                outcome := 'full';
            ELSE
                INSERT INTO {schema}.dynamic_tools SELECT tool.* ON CONFLICT (name) DO NOTHING;
                IF FOUND THEN
                    tools := tools + 1;
                    outcome := 'ok';
                ELSE
                    outcome := 'exists';
                END IF;
            END IF;
        ELSE
            IF op ->> 'op' = 'replace' THEN
                tool := json_populate_record(NULL::{schema}.dynamic_tools, op -> 'tool');
                UPDATE {schema}.dynamic_tools t SET
                    title = tool.title, description = tool.description, image = tool.image,
                    timeout_ms = tool.timeout_ms, dependencies = tool.dependencies, code = tool.code,
                    enabled = tool.enabled, updated_at = tool.updated_at, revision = tool.revision,
                    input_schema = tool.input_schema, output_schema = tool.output_schema,
                    annotations = tool.annotations, icons = tool.icons, tags = tool.tags,
                    engine = tool.engine, permissions = tool.permissions, examples = tool.examples,
                    digest = tool.digest, engine_resolved = tool.engine_resolved,
                    actor = tool.actor, change = tool.change, lock = tool.lock
                WHERE t.name = op_name AND t.revision = seen;
            ELSE
                DELETE FROM {schema}.dynamic_tools t WHERE t.name = op_name AND t.revision = seen;
                tools := NULL;
            END IF;
            IF FOUND THEN
                outcome := 'ok';
            ELSE
                outcome := 'conflict';
                SELECT revision INTO actual FROM {schema}.dynamic_tools t WHERE t.name = op_name;
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$body$;
