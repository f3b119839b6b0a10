import sys
from pathlib import Path

import pytest
from fpdf import FPDF
from manual_files import write_word

from manuals.documents import reading
from manuals.documents.blocks import Caption, Heading, Items, Table, Text
from manuals.documents.reading import LeftOut, read_document, read_documents
from manuals.documents.unreadable import Unreadable
from nic.errors import UserError

ROWS = (("Symptom", "Remedy"), ("Fan dead", "Replace F2."), ("Fan | loud", "Oil it."))


def test_a_word_document_keeps_headings_tables_and_steps_without_its_running_header(
    tmp_path: Path,
) -> None:
    document = read_document(write_word(tmp_path / "m.docx", ROWS), "m.docx", "all")
    assert document.blocks == (
        Heading("Service manual", 1),
        Heading("3 Faults", 1),
        Table(ROWS[0], ROWS[1:]),
        Heading("4.2 Bleeding the pump", 2),
        Items(("Open the valve.", "Wait ten seconds.", "Close the valve again."), numbered=True),
        Caption("Figure 1: Pump with its bleed valve"),
    )
    assert document.pages is None


def test_markdown_and_plain_text_are_read_with_their_headings(tmp_path: Path) -> None:
    markdown = tmp_path / "m.md"
    markdown.write_text("---\ntitle: x\n---\n# Pump\n\nUse < 5 `bar`.\n\n- one\n- two\n", "utf-8")
    assert read_document(markdown, "m.md", "all").blocks == (
        Heading("Pump", 1),
        Text("Use < 5 bar."),
        Items(("one", "two")),
    )
    text = tmp_path / "m.txt"
    text.write_text("4.2 Pump\n\nIt is\ngreen.\n\n1. Open it.\n2. Close it.\n", "utf-8")
    assert read_document(text, "m.txt", "all").blocks == (
        Heading("4.2 Pump", 2),
        Text("It is green."),
        Items(("Open it.", "Close it."), numbered=True),
    )


@pytest.mark.parametrize("code", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_text_in_another_encoding_is_read(tmp_path: Path, code: str) -> None:
    path = tmp_path / "m.txt"
    path.write_bytes("Störung der Kühlung.".encode(code))
    assert read_document(path, "m.txt", "all").blocks == (Text("Störung der Kühlung."),)


def test_the_domain_is_the_folder_of_a_document_however_deep(tmp_path: Path) -> None:
    for name in ("a.md", "hvac/b.md", "hvac/old/c.md", ".hidden/d.md", "~$e.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("Some text.", "utf-8")
    found = [(document.name, document.domain) for document in read(tmp_path, None)]
    assert found == [("a.md", "all"), ("hvac/b.md", "hvac"), ("hvac/old/c.md", "hvac")]
    assert [document.domain for document in read(tmp_path, "plant")] == ["plant", "hvac", "hvac"]


def read(folder: Path, domain: str | None) -> list[reading.Document]:
    return list(read_documents(folder, domain, LeftOut()))


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LARGEST_MEGABYTES", 0.001)
    (tmp_path / "broken.docx").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    (tmp_path / "empty.md").write_text("# Only a heading\n", "utf-8")
    (tmp_path / "good.md").write_text("Some text.", "utf-8")
    (tmp_path / "huge.txt").write_text("x" * 2000, "utf-8")
    (tmp_path / "old.docx").write_bytes(b"\xd0\xcf\x11\xe0 an old one")
    (tmp_path / "binary.txt").write_bytes(b"a\x00b")
    (tmp_path / "photo.JPG").write_bytes(b"\xff\xd8")
    left_out = LeftOut()
    assert [document.name for document in read_documents(tmp_path, None, left_out)] == ["good.md"]
    assert left_out.other_files == {".jpg": 1}
    assert list(left_out.unreadable) == [
        "binary.txt",
        "broken.docx",
        "broken.pdf",
        "empty.md",
        "huge.txt",
        "old.docx",
    ]
    assert left_out.unreadable["broken.docx"].endswith("is it damaged?")
    assert left_out.unreadable["broken.pdf"].endswith("is it damaged?")
    assert left_out.unreadable["old.docx"] == (
        "is encrypted, or an old .doc; save it as .docx without a password"
    )
    assert all("\n" not in why for why in left_out.unreadable.values())
    assert [record.getMessage() for record in caplog.records] == [
        f"{name}: {why}" for name, why in left_out.unreadable.items()
    ]


def test_a_folder_without_documents_is_an_error_that_lists_the_formats(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8")
    with pytest.raises(UserError, match=r"holds no document; supported are \.docx, .*\.pdf"):
        read(tmp_path, None)
    with pytest.raises(UserError, match="no such folder"):
        read(tmp_path / "none", None)


def test_a_package_that_is_missing_is_named_with_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.pdf").write_bytes(b"%PDF-1.7")
    monkeypatch.setitem(sys.modules, "pdfplumber", None)
    with pytest.raises(UserError, match=r"m\.pdf: needs the package pdfplumber; run pip install"):
        read(tmp_path, None)


def test_a_document_without_pages_is_unreadable(tmp_path: Path) -> None:
    pdf = FPDF()
    pdf.output(str(tmp_path / "m.pdf"))
    with pytest.raises(Unreadable, match="no text|no pages"):
        read_document(tmp_path / "m.pdf", "m.pdf", "all")
