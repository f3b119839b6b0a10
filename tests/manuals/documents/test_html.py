from manuals.documents.blocks import Caption, Entries, Heading, Items, Table, Text
from manuals.documents.html import blocks_of_html


def test_a_cell_over_rows_is_repeated_in_each_of_them() -> None:
    page = """<table><tr><th>Symptom</th><th>Cause</th><th>Remedy</th></tr>
    <tr><td rowspan="2">Fan dead</td><td>Fuse</td><td>Replace F2.</td></tr>
    <tr><td>Motor</td><td>Replace it.</td></tr>
    <tr><td colspan="2">Smoke</td><td>Stop.</td></tr></table>"""
    rows = (
        ("Fan dead", "Fuse", "Replace F2."),
        ("Fan dead", "Motor", "Replace it."),
        ("Smoke", "", "Stop."),
    )
    assert blocks_of_html(page) == (Table(("Symptom", "Cause", "Remedy"), rows),)


def test_navigation_scripts_and_lists_of_links_are_left_out() -> None:
    page = """<body><nav>Home</nav><script>alert(1)</script>
    <ul><li><a href="a">One</a></li><li><a href="b">Two</a></li></ul>
    <p>Read the manual.</p><footer>Imprint</footer></body>"""
    assert blocks_of_html(page) == (Text("Read the manual."),)


def test_headings_lists_terms_and_captions_are_told_apart() -> None:
    page = """<h2>4.2 Bleeding</h2><ol start="3"><li>Open <b>it</b>.</li><li>Wait.</li></ol>
    <dl><dt>TXV</dt><dd>expansion valve</dd></dl><p>Figure 3: The pump</p>"""
    assert blocks_of_html(page) == (
        Heading("4.2 Bleeding", 2),
        Items(("Open it.", "Wait."), numbered=True, start=3),
        Entries((("TXV", "expansion valve"),)),
        Caption("Figure 3: The pump"),
    )


def test_a_bold_paragraph_of_its_own_is_a_heading_and_a_bold_word_is_not() -> None:
    page = "<p><strong>Removal</strong></p><p><strong>Never</strong> open it hot.</p>"
    assert blocks_of_html(page) == (Heading("Removal", 7), Text("Never open it hot."))


def test_a_meaning_of_several_blocks_stays_in_parts() -> None:
    page = "<dl><dt>Reset</dt><dd><p>Press it.</p><ol><li>One</li><li>Two</li></ol></dd></dl>"
    assert blocks_of_html(page) == (
        Text("Reset:"),
        Text("Press it."),
        Items(("One", "Two"), numbered=True),
    )


def test_a_table_that_lays_out_a_page_is_walked_through() -> None:
    page = "<table><tr><td><h1>Pump</h1><p>It pumps.</p></td></tr></table>"
    assert blocks_of_html(page) == (Heading("Pump", 1), Text("It pumps."))
