"""The Python SDK's client lives through the life of a tool, in two acts with a restart of the server between.

usage: story.py first|second|look legacy|auto|modern URL
       story.py first|second|look legacy|auto|modern -- COMMAND [ARGUMENT...]

first: creates text.uppercase, hears of it, calls it, updates it, meets the conflict of a stale revision.
second: finds it as it was left, calls it, deletes it, hears of that.
look: what the enterprise profile shows besides tools: resources, the prompt, and its completion.
"""

import json
import sys
from contextlib import AsyncExitStack

import anyio
import mcp_types as types
from mcp import Client, MCPError, StdioServerParameters

NAME = "text.uppercase"
MODES = {"legacy": "legacy", "auto": "auto", "modern": "2026-07-28"}
# Nothing is timed: this only ends a test that hangs.
HANG_SECONDS = 60


class Story:
    def __init__(self, client: Client, changes) -> None:
        self.client = client
        self.changes = changes

    async def names(self) -> list[str]:
        return [tool.name for tool in (await self.client.list_tools()).tools]

    async def changed(self) -> None:
        """Waits for the next word that the list changed."""
        with anyio.fail_after(HANG_SECONDS):
            await self.changes.receive()

    async def ask(self, called: str, **arguments):
        """Calls a tool that succeeds, and gives its structured content."""
        result = await self.client.call_tool(called, arguments)
        assert not result.is_error, (called, result)
        return result.structured_content

    async def says(self, text: str, expected: str) -> None:
        result = await self.client.call_tool(NAME, {"text": text})
        assert not result.is_error, result
        assert [block.text for block in result.content] == [expected], result
        assert result.structured_content["ok"] is True, result
        assert result.structured_content["result"] == expected, result

    async def first(self) -> None:
        names = await self.names()
        assert "dynamic.tool.create" in names and "system.health" in names, names
        assert NAME not in names, names

        made = await self.ask("dynamic.tool.create", tool={
            "name": NAME,
            "description": "Upper-cases a text",
            "code": "return args.text.toUpperCase();",
            "inputSchema": {
                "type": "object",
                "properties": {"text": {"type": "string", "description": "Any text"}},
                "required": ["text"],
            },
        })
        assert made["tool"]["revision"] == 1, made
        await self.changed()
        tool = next(tool for tool in (await self.client.list_tools()).tools if tool.name == NAME)
        assert tool.input_schema["required"] == ["text"], tool
        await self.says("hello, wörld", "HELLO, WÖRLD")

        wrong = await self.client.call_tool(NAME, {"text": 7})
        assert wrong.is_error and "text" in wrong.content[0].text, wrong

        patch = {"code": "return args.text.toUpperCase() + '!';"}
        updated = await self.ask("dynamic.tool.update", name=NAME, patch=patch, expectedRevision=1)
        assert updated["tool"]["revision"] == 2, updated
        await self.says("hello", "HELLO!")

        stale = await self.client.call_tool(
            "dynamic.tool.update", {"name": NAME, "patch": {"code": "return 0;"}, "expectedRevision": 1})
        assert stale.is_error and "conflict" in stale.content[0].text, stale
        assert stale.structured_content["code"] == "revision_conflict", stale
        assert stale.structured_content["details"] == {"expected": 1, "actual": 2}, stale
        await self.says("still", "STILL!")

    async def second(self) -> None:
        assert NAME in await self.names()
        got = await self.ask("dynamic.tool.get", name=NAME)
        assert got["tool"]["revision"] == 2, got
        await self.says("again", "AGAIN!")
        deleted = await self.ask("dynamic.tool.delete", name=NAME, expectedRevision=2)
        assert deleted == {"name": NAME, "deleted": True}, deleted
        await self.changed()
        assert NAME not in await self.names()
        try:
            gone = await self.client.call_tool(NAME, {"text": "x"})
        except MCPError as error:
            assert error.code == types.INVALID_PARAMS, error
        else:
            raise AssertionError(gone)

    async def refused(self, request, code: int) -> None:
        try:
            answer = await request
        except MCPError as error:
            assert error.code == code, error
        else:
            raise AssertionError(answer)

    async def look(self) -> None:
        listed = (await self.client.list_resources()).resources
        assert len(listed) == 3, listed
        for resource in listed:
            [content] = (await self.client.read_resource(str(resource.uri))).contents
            assert isinstance(json.loads(content.text), dict), content
        assert (await self.client.list_resource_templates()).resource_templates == []
        modern = self.client.protocol_version == "2026-07-28"
        missing = self.client.read_resource("dynamic://no/such")
        await self.refused(missing, types.INVALID_PARAMS if modern else -32002)

        [prompt] = (await self.client.list_prompts()).prompts
        assert [argument.name for argument in prompt.arguments] == ["toolName"], prompt
        checklist = await self.client.get_prompt(prompt.name, {"toolName": "system.health"})
        assert "system" in checklist.messages[0].content.text, checklist
        for wrong in ({}, {"toolName": "no.such.tool"}, {"other": "x"}):
            await self.refused(self.client.get_prompt(prompt.name, wrong), types.INVALID_PARAMS)
        await self.refused(self.client.get_prompt("no-such", {}), types.INVALID_PARAMS)

        ref = types.PromptReference(type="ref/prompt", name=prompt.name)
        completed = await self.client.complete(ref, {"name": "toolName", "value": "health"})
        assert completed.completion.values == ["system.health"], completed
        wrong = self.client.complete(ref, {"name": "other", "value": "x"})
        await self.refused(wrong, types.INVALID_PARAMS)


async def main(act: str, era: str, *server: str) -> None:
    told, changes = anyio.create_memory_object_stream[None](100)

    async def on_message(message) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            told.send_nowait(None)

    async def forward(events) -> None:
        async for _ in events:
            told.send_nowait(None)

    target = server[0]
    if target == "--":
        target = StdioServerParameters(command=server[1], args=list(server[2:]))
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(Client(target, mode=MODES[era], message_handler=on_message))
        modern = client.protocol_version == "2026-07-28"
        assert modern == (era != "legacy"), client.protocol_version
        tasks = await stack.enter_async_context(anyio.create_task_group())
        if modern:
            tasks.start_soon(forward, await stack.enter_async_context(client.listen(tools_list_changed=True)))
        await getattr(Story(client, changes), act)()
        tasks.cancel_scope.cancel()


anyio.run(main, *sys.argv[1:])
