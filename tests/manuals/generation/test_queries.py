"""Queries of a language model: right answers only, none asked for twice, nothing sent elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from model_server import queries_of, serving

from manuals.generation.answers import AnswerFile
from manuals.generation.endpoint import Endpoint
from manuals.generation.queries import TRIES, ask_all, generate_pairs, show_prompt
from manuals.passages import Passage
from nic.errors import UserError

PASSAGES = [Passage(f"text{n} of the pump.", "a.md", "hvac", 1, ("Pumps",)) for n in range(3)]
STYLES = ["question", "symptom"]


def right(messages: Any) -> str:
    return queries_of({"messages": list(messages)})


def test_each_passage_gets_a_query_of_each_style_that_says_what_made_it(tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []
    with serving(lambda body: (200, queries_of(body)), seen) as url:
        found = generate_pairs(PASSAGES, Endpoint(url, "small"), STYLES, tmp_path / "a.jsonl")
    assert [(pair.query, pair.passage.text, pair.origin) for pair in found.pairs] == [
        (f"{style} about text{n}", PASSAGES[n].text, f"generated: {style}")
        for n in range(3)
        for style in STYLES
    ]
    assert (found.asked, found.known, found.failed) == (3, 0, {})
    assert {request["path"] for request in seen} == {"/v1/chat/completions"}
    assert {request["body"]["model"] for request in seen} == {"small"}
    assert found.pairs[0].row()["synthetic"] is True


def test_no_answer_is_asked_for_twice(tmp_path: Path) -> None:
    answers = tmp_path / "a.jsonl"
    first = ask_all(PASSAGES[:2], right, "small", STYLES, answers)
    again = ask_all(PASSAGES, right, "small", STYLES, answers)
    assert (again.asked, again.known) == (1, 2)
    assert again.pairs[:4] == first.pairs


@pytest.mark.parametrize(
    "change", [{"model": "other"}, {"styles": ["keywords"]}, {"passages": [Passage("x", "", "")]}]
)
def test_another_question_is_asked_anew(change: dict[str, Any], tmp_path: Path) -> None:
    given: dict[str, Any] = {"passages": PASSAGES[:1], "model": "small", "styles": STYLES}
    ask_all(**given, ask=right, answers=tmp_path / "a.jsonl")
    assert ask_all(**{**given, **change}, ask=right, answers=tmp_path / "a.jsonl").asked == 1


def test_a_killed_run_loses_the_answer_that_it_waits_for_and_no_other(tmp_path: Path) -> None:
    answers = tmp_path / "a.jsonl"

    def killed(messages: Any) -> str:
        if "text2" in messages[1]["content"]:
            raise KeyboardInterrupt
        return right(messages)

    with pytest.raises(KeyboardInterrupt):
        ask_all(PASSAGES, killed, "small", STYLES, answers)
    # As if the kill had come in the midst of a line.
    with answers.open("ab") as file:
        file.write(b'{"key": "abc", "ans')
    again = ask_all(PASSAGES, right, "small", STYLES, answers)
    assert (again.asked, again.known) == (1, 2)
    lines = answers.read_text(encoding="utf-8").splitlines()
    assert [len(json.loads(line)["answer"]) for line in lines] == [2, 2, 2]


WRONG = {
    "no object": "I cannot do that.",
    "no JSON": "{queries: 3}",
    "another style": '{"queries": [{"style": "poem", "query": "a b"}]}',
    "a style is missing": '{"queries": [{"style": "question", "query": "why?"}]}',
    "an empty query": '{"queries": [{"style": "question", "query": " "}]}',
    "a long query": json.dumps({"queries": [{"style": "question", "query": "x" * 400}]}),
    "points at the text": '{"queries": [{"style": "question", "query": "What is this passage?"}]}',
    "not a list": '{"queries": "why?"}',
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=list(WRONG))
def test_a_wrong_answer_is_asked_for_again_with_what_is_wrong(wrong: str, tmp_path: Path) -> None:
    asked: list[Any] = []

    def second_is_right(messages: Any) -> str:
        asked.append(messages)
        return wrong if len(asked) == 1 else right(messages)

    found = ask_all(PASSAGES[:1], second_is_right, "small", STYLES, tmp_path / "a.jsonl")
    assert len(found.pairs) == 2
    assert [message["role"] for message in asked[1]] == ["system", "user", "assistant", "user"]
    assert asked[1][2]["content"] == wrong
    assert "Answer again" in asked[1][3]["content"]


def test_a_query_that_copies_the_passage_is_refused(tmp_path: Path) -> None:
    text = "Open the lower valve of the pump before you start the engine. Then wait."
    copied = {"queries": [{"style": "question", "query": text.split(".")[0] + "?"}]}
    passage = Passage(text, "a.md", "hvac")
    found = ask_all([passage], lambda _: json.dumps(copied), "m", ["question"], tmp_path / "a")
    assert found.failed == {'the query of style "question" copies the passage': 1}


def test_a_passage_is_given_up_after_three_wrong_answers_and_counted(tmp_path: Path) -> None:
    asked: list[Any] = []

    def never(messages: Any) -> str:
        asked.append(messages)
        return "no"

    found = ask_all(PASSAGES[:1], never, "small", STYLES, tmp_path / "a.jsonl")
    assert len(asked) == TRIES
    assert (found.pairs, found.failed) == ([], {"the answer holds no JSON object": 1})


def test_a_file_that_holds_something_else_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("my notes\n", encoding="utf-8")
    with pytest.raises(UserError, match="is no file of answers"):
        AnswerFile(path)
    assert path.read_text(encoding="utf-8") == "my notes\n"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/v1", "http://localhost/v1", "http://[::1]:8/v1", "http://127.9.9.9"]
)
def test_this_computer_needs_no_leave(url: str) -> None:
    assert Endpoint(url, "m").is_local


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/v1",
        "http://10.0.0.7/v1",
        "http://localhost.example.com",
        "http://0.0.0.0",
    ],
)
def test_text_leaves_this_computer_only_with_leave(url: str) -> None:
    with pytest.raises(UserError, match="is not this computer.*--allow-remote"):
        Endpoint(url, "m")
    assert not Endpoint(url, "m", allow_remote=True).is_local


@pytest.mark.parametrize("url", ["", "127.0.0.1:80", "ftp://localhost", "http://", "http://[::1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="no address; give one such as"):
        Endpoint(url, "m")


def test_a_redirection_is_not_followed(tmp_path: Path) -> None:
    elsewhere: list[dict[str, Any]] = []
    with (
        serving(lambda body: (200, "x"), elsewhere) as target,
        serving(lambda body: (302, f"{target}/chat/completions"), []) as url,
        pytest.raises(UserError, match="--generator"),
    ):
        generate_pairs(PASSAGES, Endpoint(url, "m"), STYLES, tmp_path / "a.jsonl")
    assert not elsewhere


def test_no_proxy_stands_between_this_computer_and_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxied: list[dict[str, Any]] = []
    with (
        serving(lambda body: (200, "x"), proxied) as proxy,
        serving(lambda body: (200, queries_of(body)), []) as url,
    ):
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv("ALL_PROXY", proxy)
        generate_pairs(PASSAGES[:1], Endpoint(url, "m"), STYLES, tmp_path / "a.jsonl")
    assert not proxied


def test_the_key_comes_from_the_environment_and_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-123")
    seen: list[dict[str, Any]] = []
    with (
        serving(lambda body: (401, "wrong key: sk-secret-123"), seen) as url,
        pytest.raises(UserError) as error,
    ):
        generate_pairs(PASSAGES, Endpoint(url, "m"), STYLES, tmp_path / "a.jsonl")
    assert seen[0]["headers"]["authorization"] == "Bearer sk-secret-123"
    assert "sk-secret" not in str(error.value)
    assert "wrong key: ***" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("url", ["http://me:secret@host.example/v1", "ftp://me:se@cret@host/v1"])
def test_a_password_in_the_address_is_never_shown(url: str) -> None:
    with pytest.raises(UserError, match=r"--generator \w+://\*\*\*@host") as error:
        Endpoint(url, "m")
    assert "cret" not in str(error.value)


def test_a_server_that_is_not_there_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("manuals.generation.endpoint.RETRIES", 0)
    with serving(lambda body: (200, ""), []) as url:
        pass
    with pytest.raises(UserError, match="cannot be reached.*start the server") as error:
        generate_pairs(PASSAGES, Endpoint(url, "m"), STYLES, tmp_path / "a.jsonl")
    assert "\n" not in str(error.value)


def test_an_unknown_style_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--generator-styles poem: must be some of: question"):
        generate_pairs(PASSAGES, Endpoint("http://localhost", "m"), ["poem"], tmp_path / "a")


def test_the_prompt_can_be_read_before_it_is_sent() -> None:
    shown = show_prompt(PASSAGES[0], STYLES)
    assert PASSAGES[0].text in shown
    assert "Pumps" in shown
    assert "- symptom: " in shown
    assert "- keywords" not in shown
