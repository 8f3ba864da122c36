"""Documents with a part that tests write from what they saw."""

import os


def compare(document, mark, text):
    """What is wrong with the document, of which `text` has to stand behind `mark`, or None. With STOCKADE_UPDATE_TABLE
    it is written instead."""
    before = document.read_text()
    wanted = before[: before.index(mark)] + mark + text
    if before == wanted:
        return None
    if os.environ.get("STOCKADE_UPDATE_TABLE"):
        document.write_text(wanted)
        return f"{document.name} is rewritten; read the diff, and run again without STOCKADE_UPDATE_TABLE"
    return f"the table of {document.name} is not what was seen: run with STOCKADE_UPDATE_TABLE=1, and read the diff"
