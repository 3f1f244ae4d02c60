"""The Python SDK's client gets itself a token: it is refused, finds the authorization server, registers, is let in.

usage: oauth.py legacy|auto|modern URL [step-up]

Then it makes a tool with its admin scope, lets the tool say who called it, and takes the tool away again. After that
its token is spoiled, and it has to get itself another. With step-up its first token lacks the admin scope, and it gets
itself one that has it when a call asks for that.
"""

import sys
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata

MODES = {"legacy": "legacy", "auto": "auto", "modern": "2026-07-28"}
REDIRECT = "http://127.0.0.1:1/callback"


class Memory:
    def __init__(self) -> None:
        self.tokens = None
        self.client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens) -> None:
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client) -> None:
        self.client = client


class Person:
    """Says yes at once: the authorization server sends the browser straight back."""

    def __init__(self) -> None:
        self.times = 0

    async def go(self, url: str) -> None:
        self.times += 1
        async with httpx2.AsyncClient() as browser:
            answer = await browser.get(url, follow_redirects=False)
        assert answer.status_code == 302, answer
        self.back = parse_qs(urlsplit(answer.headers["location"]).query)

    async def come(self) -> AuthorizationCodeResult:
        one = {name: values[0] for name, values in self.back.items()}
        return AuthorizationCodeResult(code=one["code"], state=one["state"], iss=one["iss"])


async def use(url: str, era: str, memory: Memory, person: Person, scopes: list[str]) -> None:
    metadata = OAuthClientMetadata(client_name="oauth.py", redirect_uris=[REDIRECT])
    provider = OAuthClientProvider(url, metadata, memory, person.go, person.come)
    async with httpx2.AsyncClient(auth=provider, timeout=60) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=MODES[era]) as client:
            assert (client.protocol_version == "2026-07-28") == (era != "legacy"), client.protocol_version
            # This client follows one challenge a request: the first is for any token.
            await client.list_tools()
            tool = {"name": "who.am_i", "description": "Says who calls", "code": "return ctx.caller;"}
            made = await client.call_tool("dynamic.tool.create", {"tool": tool})
            assert not made.is_error, made
            who = await client.call_tool("who.am_i", {})
            result = who.structured_content["result"]
            assert result["subject"] == "alice", who
            assert result["scopes"] == scopes, who
            gone = await client.call_tool("dynamic.tool.delete", {"name": "who.am_i"})
            assert not gone.is_error, gone


async def main(era: str, url: str, *mode: str) -> None:
    memory, person = Memory(), Person()
    if mode == ("step-up",):
        for _ in range(2):
            await use(url, era, memory, person, ["mcp:admin", "mcp:use"])
            assert person.times == 2, person.times
        return
    await use(url, era, memory, person, ["mcp:admin"])
    assert person.times == 1, person.times
    await use(url, era, memory, person, ["mcp:admin"])
    assert person.times == 1, "a token that is good is used again"
    memory.tokens.access_token = "spoiled"
    await use(url, era, memory, person, ["mcp:admin"])
    assert memory.tokens.access_token != "spoiled"


anyio.run(main, *sys.argv[1:])
