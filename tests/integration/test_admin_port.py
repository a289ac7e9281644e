"""The admin port of a real process: its API against its own document, its page in a real browser."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.support.redis_server import RedisServer
from tests.support.service_process import ServiceProcess

# Not to look for its maker's servers, which may be out of reach.
BROWSER_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]


@pytest.fixture
async def service(tmp_path: Path, redis_server: RedisServer) -> AsyncIterator[ServiceProcess]:
    async with ServiceProcess(tmp_path, f"--store={redis_server.url}") as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of a Chromium; installed where it can be, as Debian's root."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", "--yes", "chromium"]):
            subprocess.run(command, check=True, env=environment, capture_output=True, timeout=600)
        found = shutil.which("chromium")
    if found is None:
        pytest.skip("needs Chromium: install it, then run this again")
    return found


async def test_api_does_what_its_document_says(service: ServiceProcess, tmp_path: Path) -> None:
    for path in ("/a", "/b/c", "/", "/%2F"):
        await service.count("PUT", path)
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{service.admin_url}/openapi.json",
        "--max-examples=40",
        "--no-color",
    ]
    # Without a token nobody is asked for one; and which cursors and lengths of paths are good, no schema can tell.
    command += [
        "--exclude-checks=ignored_auth,unsupported_method,positive_data_acceptance",
        "--phases=examples,coverage,fuzzing",
    ]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


async def test_export_of_many_paths_is_whole(service: ServiceProcess, redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        client.hset("{default/0}:counts", mapping={f"/{number}": number + 1 for number in range(20_000)})
    status, text = await service.admin("/api/v1/export")
    assert status == 200
    assert len(set(text.splitlines())) == 20_000


@pytest.mark.timeout(900)  # with the time to install a browser
async def test_page_shows_what_is_counted(service: ServiceProcess, chromium: str, tmp_path: Path) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=BROWSER_FLAGS)
        page = await browser.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(service.admin_url)
        await expect(page.locator("#store")).to_have_text("ready")
        await count_until_the_page_shows_it(service, page)
        await expect(page.locator("#total")).not_to_have_text("0")
        await expect(page.locator("tbody tr").first.locator("td").first).to_have_text("/often", timeout=15_000)
        await page.screenshot(path=os.environ.get("PAGE_SCREENSHOT", tmp_path / "page.png"))
        await browser.close()
    # A browser asks for an icon by itself.
    assert [complaint for complaint in complaints if "404" not in complaint] == []


async def count_until_the_page_shows_it(service: ServiceProcess, page: Page) -> None:
    """Send requests until the page shows a rate and latencies."""

    async def count() -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                for path in ("/often", "/often", "/<b>not bold</b>", "/seldom/but/long/" + "x" * 200):
                    async with session.put(service.url + path) as response:
                        assert response.status == 200

    counting = asyncio.create_task(count())
    try:
        for figure in ("#rate", "#p50", "#p99"):
            await expect(page.locator(figure)).to_have_text(re.compile(r"[1-9]"), timeout=15_000)
    finally:
        counting.cancel()
        await asyncio.wait([counting])
