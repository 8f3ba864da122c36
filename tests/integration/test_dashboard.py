"""stockade dashboard and stockade top against a real API server; the page in a real browser, used by keyboard alone."""

import contextlib
import http.server
import json
import re
import subprocess
import threading
import urllib.error
import urllib.request

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from cluster import eventually
from stockade import sandbox
from stockade_cli import PROGRAM, run
from test_operator import Space

# What an attacker who may create sandboxes would like the page to run.
MARKUP = '<img src=x onerror="document.title=`taken over`">'


@pytest.fixture(scope="module")
def space(stockade):
    """Two sandboxes, of which one is suspended, and one that breaks a rule, from before the webhook."""
    with stockade.cluster.new_namespace("watched") as name:
        watched = Space(stockade.cluster, name)
        watched.apply(sandbox("plain"))
        watched.apply(sandbox("suspended", operatingMode="Suspended"))
        watched.wait_ready("plain")
        stockade.uninstall_webhook()
        try:
            broken = sandbox("broken", image=MARKUP)
            eventually(lambda: watched.kubectl("create", "-f", "-", input=broken).returncode == 0)
        finally:
            stockade.install_webhook()
        watched.wait_condition("broken", "Ready", "False")
        yield watched


@contextlib.contextmanager
def dashboard(space, *options):
    """The address of a running dashboard; afterwards it has ended as it should."""
    command = [str(PROGRAM), "dashboard", "--kubeconfig", space.cluster.kubeconfig, "-n", space.name, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[0-9a-f]{32}/", address), address + process.stderr.read()
        yield address
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0
        assert process.stderr.read() == ""


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    # As root, and where /dev/shm is small.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,1000"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(space, browser):
    with dashboard(space) as address:
        browser.get(address)
        eventually(lambda: len(names(browser)) == 3)
        wait_until_still(browser)
        yield browser


def names(page):
    """In one look: the page may be filled in anew between two."""
    return page.execute_script("return [...document.querySelectorAll('summary .name')].map((each) => each.textContent)")


def wait_until_still(page):
    """Until the page, which looks every two seconds, has shown the same for three looks, but for ages."""
    script = (
        "const list = document.getElementById('list').cloneNode(true);"
        "list.querySelectorAll('.age').forEach((each) => each.remove()); return list.innerHTML"
    )
    seen = []

    def is_still():
        seen.append(page.execute_script(script))
        return len(seen) > 6 and len(set(seen[-7:])) == 1

    eventually(is_still, timeout=60, interval=1)


def focused(page):
    return page.switch_to.active_element


def test_it_shows_sandboxes_with_their_controls_and_findings(page):
    assert names(page) == ["broken", "plain", "suspended"]
    summary = page.find_elements(By.CSS_SELECTOR, "summary")[0]
    assert "1 finding" in summary.text and "a policy" not in summary.text
    summary.click()
    whole = page.find_elements(By.CSS_SELECTOR, "details")[0]
    assert "ImageReference" in whole.text and "spec.podTemplate.spec.containers[0].image" in whole.text
    assert MARKUP[:10] in whole.text
    summary.click()
    plain = page.find_elements(By.CSS_SELECTOR, "details")[1]
    plain.find_element(By.TAG_NAME, "summary").click()
    assert "ReadOnlyRootFilesystem" in plain.text and "pod asb-plain" in plain.text
    # It stays open when the page looks anew.
    before = page.find_element(By.ID, "looked").text
    eventually(lambda: page.find_element(By.ID, "looked").text != before)
    assert page.find_elements(By.CSS_SELECTOR, "details")[1].get_attribute("open")


def test_it_is_used_by_keyboard(page):
    page.find_element(By.TAG_NAME, "body").send_keys("/")
    assert focused(page).get_attribute("id") == "filter"
    focused(page).send_keys("susp")
    assert names(page) == ["suspended"]
    focused(page).send_keys(Keys.CONTROL, "a")
    focused(page).send_keys(Keys.DELETE)
    assert len(names(page)) == 3
    focused(page).send_keys(Keys.TAB)
    focused(page).send_keys(Keys.SPACE)  # only those in trouble
    assert names(page) == ["broken"]
    focused(page).send_keys(Keys.SPACE)
    focused(page).send_keys(Keys.ARROW_DOWN)
    assert focused(page).tag_name == "summary" and "broken" in focused(page).text
    focused(page).send_keys(Keys.ARROW_DOWN)
    was_open = focused(page).find_element(By.XPATH, "..").get_attribute("open")
    focused(page).send_keys(Keys.ENTER)
    assert focused(page).find_element(By.XPATH, "..").get_attribute("open") != was_open


def test_what_happens_is_seen_without_a_reload(page, space):
    space.apply(sandbox("later"))
    eventually(lambda: "later" in names(page), timeout=20)
    space.must("delete", "asb", "later")
    eventually(lambda: "later" not in names(page), timeout=20)


def test_what_sandboxes_say_is_text(page):
    assert page.title == "Stockade"
    assert not page.find_elements(By.TAG_NAME, "img")
    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []


def answer(address, method="GET"):
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method=method), timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_nobody_reads_it_without_the_address_and_nobody_changes_anything(space):
    with dashboard(space) as address:
        root = address[: address.index("/", len("http://")) + 1]
        for path in ("", "overview.json", "0" * 32 + "/", "0" * 32 + "/overview.json", "../overview.json"):
            assert answer(root + path)[0] == 404, path
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert answer(address + "overview.json", method)[0] == 405
        code, text = answer(address + "overview.json")
        assert code == 200 and {each["name"] for each in json.loads(text)["sandboxes"]} >= {"plain", "broken"}


@contextlib.contextmanager
def recording(upstream):
    """What the program asks of the API server, through a plain proxy with the administrator's rights."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.command, self.path))
            done = subprocess.run([*upstream, "get", "--raw", self.path], capture_output=True, check=False)
            self.send_response(200 if done.returncode == 0 else 500)
            self.send_header("Content-Length", str(len(done.stdout)))
            self.end_headers()
            self.wfile.write(done.stdout)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, asked
    server.shutdown()


def test_it_reads_no_secret_and_writes_nothing(space, tmp_path):
    with recording([space.cluster.kubectl_path, "--kubeconfig", space.cluster.kubeconfig]) as (port, asked):
        config = tmp_path / "kubeconfig"
        config.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "users": [{"name": "c", "user": {}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c", "namespace": space.name}}],
        }))  # fmt: skip
        done = run("top", "--once", "--kubeconfig", config)
        assert done.returncode == 0 and "plain" in done.stdout, done.stderr
    paths = {path.partition("?")[0] for _, path in asked}
    assert {method for method, _ in asked} == {"GET"}
    assert paths == {
        f"/apis/stockade.dev/v1alpha1/namespaces/{space.name}/agentsandboxes", f"/api/v1/namespaces/{space.name}/pods",
    }  # fmt: skip


def test_top_shows_a_line_for_each(space):
    done = run("top", "--kubeconfig", space.cluster.kubeconfig, "-n", space.name)
    head, *lines = done.stdout.splitlines()
    assert done.returncode == 0 and head.split()[:3] == ["SANDBOX", "READY", "TIER"]
    assert [line.split()[0] for line in lines] == ["broken", "plain", "suspended"]
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("arguments, message", [
    (("top", "--interval", "0"), "--interval must be a number of seconds from 1 to 3600"),
    (("dashboard", "--port", "http"), "--port must be a number from 1 to 65535"),
])  # fmt: skip
def test_a_bad_option_is_named(arguments, message):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "") and message in done.stderr


def test_a_port_that_is_taken_is_said(space):
    with dashboard(space) as address:
        port = re.search(r":(\d+)/", address).group(1)
        done = run("dashboard", "--port", port, "--kubeconfig", space.cluster.kubeconfig)
        assert done.returncode == 2 and port in done.stderr
