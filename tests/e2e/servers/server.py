"""A server made with the Python SDK, for tests/it/upstreams to attach: on standard streams or, with a port, on HTTP."""

import sys
from typing import Annotated

from pydantic import BaseModel

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.resolve import Elicit, Resolve

server = MCPServer("python")


@server.tool()
def add(a: float, b: float) -> str:
    """Adds."""
    return f"{a + b:g}"


@server.tool()
def fail() -> str:
    """Fails."""
    raise ValueError("it failed")


@server.tool()
async def slow(ctx: Context) -> str:
    """Reports."""
    for step in range(1, 4):
        await ctx.report_progress(step, 3)
    return "done"


class Name(BaseModel):
    name: str


def who() -> Elicit[Name]:
    return Elicit("Who?", Name)


@server.tool()
def ask(given: Annotated[Name, Resolve(who)]) -> str:
    """Asks."""
    return f"hello {given.name}"


if len(sys.argv) > 1:
    server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
else:
    server.run("stdio")
