# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report in a real browser: nothing in it runs, nothing is fetched, and it fits a phone."""

from __future__ import annotations

import http.server
import re
import shutil
import subprocess
import threading
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.report.documents import read_results
from ansible_collections.bulkhead.docker.plugins.module_utils.report.page import render

Document = dict[str, t.Any]
Result = t.Callable[[str], Document]

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or ""
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

pytestmark = pytest.mark.skipif(not BROWSER, reason="no Chromium here: tools/apt chromium")


class Web:
    """A web server on loopback that serves one page and remembers what else it was asked for."""

    def __init__(self, page: str) -> None:
        self.asked = asked = list[str]()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(200 if self.path == "/report.html" else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(page.encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base class's
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}{path}"


def browse(url: str, profile: Path, *options: str) -> str:
    """The document as it is once loaded."""
    command = [BROWSER, *QUIET, f"--user-data-dir={profile}", *options, "--dump-dom", url]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def test_nothing_runs_and_nothing_is_fetched(hostile: Document, tmp_path: Path) -> None:
    page = render(read_results(hostile), title="report").replace("</main>", '<p id="marker">untouched</p></main>')
    web = Web(page.replace("192.0.2.1", "127.0.0.1"))
    dom = browse(web.url("/report.html"), tmp_path)
    web.server.shutdown()
    assert '<p id="marker">untouched</p>' in dom
    assert "<title>report - Docker security audit</title>" in dom
    assert set(web.asked) - {"/favicon.ico"} == {"/report.html"}
    assert not re.search(r"<(script|img|link|iframe|object)\b", dom)


def test_the_policy_stops_scripts_and_requests_by_itself(result: Result, tmp_path: Path) -> None:
    """The second line of defence, should escaping ever fail; without it the page would change and ask."""
    attack = "<script>document.title='pwned'</script><img src=/asked onerror=\"document.title='pwned'\">"
    page = render(read_results(result("good")), title="report").replace("</main>", f"{attack}</main>")
    unguarded = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    assert unguarded != page
    titles, requests = [], []
    for number, text in enumerate((page, unguarded)):
        web = Web(text)
        dom = browse(web.url("/report.html"), tmp_path / str(number))
        web.server.shutdown()
        titles.append("<title>report - Docker security audit</title>" in dom)
        requests.append("/asked" in web.asked)
    assert titles == [True, False]
    assert requests == [False, True]


@pytest.mark.parametrize("width", [320, 390, 1100])
def test_it_fits(result: Result, hostile: Document, tmp_path: Path, width: int) -> None:
    """A probe of the same origin loads the report in a frame of this width and measures it."""
    hosts = {"web1": result("bad"), "web2": hostile}
    page = render(read_results(hosts, {"x" * 200: "y" * 400}), read_results(hosts))
    page = re.sub(
        r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page
    )  # or it could not be framed from a file
    (tmp_path / "report.html").write_text(page)
    probe = (
        f'<iframe src="report.html" width="{width}" height="600" style="border:0" onload="'
        "const root = this.contentDocument.documentElement;"
        "document.body.setAttribute('data-width', root.scrollWidth)\"></iframe>"
    )
    (tmp_path / "probe.html").write_text(f"<!DOCTYPE html><body>{probe}")
    dom = browse((tmp_path / "probe.html").as_uri(), tmp_path / "profile", "--allow-file-access-from-files")
    measured = re.search(r'data-width="(\d+)"', dom)
    assert measured
    assert int(measured[1]) <= width
